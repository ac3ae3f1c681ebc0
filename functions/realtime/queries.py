"""Reading what live updates need: sessions, the feed, and which records may be seen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, LiteralString
from uuid import UUID

from functions.realtime.models import RESUMED_AT_MOST, LiveSession, Missed, Resumed
from shared.db import Tx

WINDOW = 5_000
"""Most positions of the feed that one answer looks at: who was away for more starts anew."""

_READABLE: Mapping[str, LiteralString] = MappingProxyType(
    {
        "contacts": """
            select id from contacts where workspace_id = %(workspace_id)s and id = any(%(ids)s)
        """,
        "tasks": """
            select id from tasks where workspace_id = %(workspace_id)s and id = any(%(ids)s)
        """,
    }
)
"""Records with an owner (`shared.access.OWNED`); row-level security keeps back those that the
transaction's person may not read. Deleted ones are among them: their end is told, too.
"""


def read_sessions(tx: Tx, session_ids: Collection[UUID]) -> list[LiveSession]:
    """Those of the sign-ins that are not over; none in a workspace that is to be deleted."""
    return tx.all(
        LiveSession,
        """
        select s.id as session_id, m.role, r.grants
        from sessions s
        join memberships m on m.workspace_id = s.workspace_id and m.user_id = s.user_id
            and m.ended_at is null and (m.rejoined_at is null or m.rejoined_at <= s.created_at)
        left join roles r on r.workspace_id = m.workspace_id and r.id = m.role_id
        where s.workspace_id = %(workspace_id)s and s.id = any(%(ids)s)
            and s.revoked_at is null and s.expires_at > now()
            and not app.is_closing(%(workspace_id)s)
        """,
        ids=list(session_ids),
    )


def read_head(tx: Tx) -> int:
    """The position of the last event, 0 before the first."""
    return tx.one(int, "select position from feed where workspace_id = %(workspace_id)s") or 0


def readable(tx: Tx, thing: str, ids: Iterable[UUID]) -> set[UUID]:
    """Those of the records that the transaction's person may read; `thing` is `contacts`."""
    return set(tx.all(UUID, _READABLE[thing], ids=list(ids)))


def read_missed(
    tx: Tx, after: int, *, types: Collection[str], about: Mapping[str, Collection[UUID]]
) -> Resumed:
    """What happened after a position: events of `types`, and those of the types in `about` that are
    about its records. What the person may not read of the feed is left out.
    """
    pairs = [(kind, str(one)) for kind, ids in about.items() for one in ids]
    rows = _after(tx, after, list(types), pairs)
    head, kept_from = rows[0]["head"], rows[0]["kept_from"]
    found = [row for row in rows if row["position"] is not None]
    lost = not kept_from - 1 <= after <= head
    if lost or head - after > WINDOW or len(found) > RESUMED_AT_MOST:
        return Resumed(head, None)
    return Resumed(head, tuple(_missed(row) for row in found))


def _after(
    tx: Tx, after: int, types: list[str], pairs: list[tuple[str, str]]
) -> list[dict[str, Any]]:
    """The events, each with where the feed begins and ends; one row without an event where there
    is none. It is one statement, so that they agree.
    """
    return tx.all(
        dict,
        """
        select f.position as head, f.kept_from, e.position, e.type, e.id, e.version
        from feed f
        left join lateral (
            select position, type, (payload ->> 'aggregate_id')::uuid as id,
                (payload ->> 'aggregate_version')::bigint as version
            from event_log
            where workspace_id = %(workspace_id)s
                and position > %(after)s and position <= %(stop)s
                and (
                    type = any(%(types)s)
                    or (type, payload ->> 'aggregate_id') in (
                        select kind, id
                        from unnest(%(kinds)s::text[], %(ids)s::text[]) as wanted (kind, id)
                    )
                )
            order by position
            limit %(limit)s
        ) e on true
        where f.workspace_id = %(workspace_id)s
        order by e.position
        """,
        after=after,
        stop=after + WINDOW,
        types=types,
        kinds=[kind for kind, _ in pairs],
        ids=[identifier for _, identifier in pairs],
        limit=RESUMED_AT_MOST + 1,
    )


def _missed(row: dict[str, Any]) -> Missed:
    return Missed(row["type"], row["id"], row["version"], row["position"])
