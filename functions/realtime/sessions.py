"""What the sign-ins of connections still permit.

A connection outlives what was true when it was opened. Before anything is told to it, its sign-in
and its member's role are read again, at most 30 s after the last time; so a revoked session or a
role that was taken away tells nobody anything for longer, whatever becomes of the event that says
so.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from uuid import UUID

from functions.realtime import queries
from functions.realtime.models import SessionEnded
from shared.access import Access
from shared.db import transaction

_KEPT_S = 30.0
_MOST_KEPT = 10_000

_read: dict[tuple[UUID, UUID], tuple[float, Access | None]] = {}


def access_of_sessions(
    workspace_id: UUID, session_ids: Collection[UUID]
) -> dict[UUID, Access | None]:
    """What each sign-in permits, None where it is over, as Postgres had it at most 30 s ago."""
    now = time.monotonic()
    known = {one: _read.get((workspace_id, one)) for one in session_ids}
    stale = [one for one, found in known.items() if found is None or now - found[0] > _KEPT_S]
    fresh = _look_up(workspace_id, stale) if stale else {}
    return {one: found[1] for one, found in known.items() if found} | fresh


def current_access(workspace_id: UUID, session_id: UUID) -> Access:
    """What a sign-in permits now.

    Raises:
        SessionEnded: it is over.
    """
    access = _look_up(workspace_id, [session_id])[session_id]
    if access is None:
        raise SessionEnded
    return access


def forget(workspace_id: UUID, session_id: UUID) -> None:
    """Take a sign-in for over from now on."""
    _read[(workspace_id, session_id)] = (time.monotonic(), None)


def _look_up(workspace_id: UUID, session_ids: Collection[UUID]) -> dict[UUID, Access | None]:
    now = time.monotonic()
    with transaction(workspace_id) as tx:
        alive = {one.session_id: one.access for one in queries.read_sessions(tx, session_ids)}
    found = {one: alive.get(one) for one in session_ids}
    if len(_read) + len(found) > _MOST_KEPT:
        _read.clear()
    _read.update({(workspace_id, one): (now, access) for one, access in found.items()})
    return found
