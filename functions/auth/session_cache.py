"""Sessions as the authorizers share them, in Valkey.

That a session lives is believed for 25 s after it was read from Postgres, and no longer: an entry
says when that was, and whoever takes it over goes on counting from there. So whatever happens to
the cache or to a message to it, a revoked session is known to be over 25 s later everywhere; API
Gateway's own 30 s come on top, and both together stay below a minute.

That a session is over is true for ever. Whoever ends one says so here, for 24 hours: until then its
tokens are refused without asking Postgres, and mostly at once. Where the cache does not answer,
nothing is lost but that.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

from functions.auth.models.accounts import Session
from shared import cache

KEPT_S = 25
_ENDED_S = 24 * 3600
_CLOCKS_APART_S = 1.0
"""How far another machine's clock may be ahead; further ahead, its word is not taken."""

_KIND = "session"
_ENDED = b"ended"


class Known(NamedTuple):
    """A session as Postgres had it at `read_at` (Unix time); None where it is over."""

    read_at: float
    session: Session | None

    @property
    def is_fresh(self) -> bool:
        """Whether that can still be believed."""
        return self.session is None or -_CLOCKS_APART_S <= time.time() - self.read_at <= KEPT_S


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True)

    read_at: float
    session: Session


def find(workspace_id: UUID, session_id: UUID) -> Known | None:
    """What is known of a session and can be believed."""
    value = cache.get(workspace_id, _KIND, session_id.hex)
    if value is None:
        return None
    if value == _ENDED:
        return Known(time.time(), None)
    try:
        entry = _Entry.model_validate_json(value)
    except ValidationError:  # of another release
        return None
    known = Known(entry.read_at, entry.session)
    return known if known.is_fresh else None


def keep(workspace_id: UUID, session_id: UUID, session: Session, *, read_at: float) -> None:
    """Tell the others of a session that lives."""
    value = _Entry(read_at=read_at, session=session).model_dump_json().encode()
    cache.put(workspace_id, _KIND, session_id.hex, value, ttl_s=KEPT_S)


def end(workspace_id: UUID, session_ids: Iterable[UUID]) -> None:
    """Tell the others that sessions are over, once that is committed."""
    for session_id in session_ids:
        cache.put(workspace_id, _KIND, session_id.hex, _ENDED, ttl_s=_ENDED_S)
