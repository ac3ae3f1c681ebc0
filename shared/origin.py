"""Where what an invocation does was asked for: the audit log keeps it beside what was changed.

Set once around each handler (`shared.invocation`) and read by each transaction, so that no way in
can forget it. Work that nobody asked for by a request, such as a queue's, has none.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

_USER_AGENT_KEPT = 300
_REQUEST_ID_KEPT = 100


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, as API Gateway saw it. Personal data, but for the request's id."""

    source_ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None

    def __str__(self) -> str:
        """It as `app.begin_request` takes it: nothing, or JSON."""
        named = {"ip": self.source_ip, "agent": self.user_agent, "request": self.request_id}
        known = {name: value for name, value in named.items() if value}
        return json.dumps(known) if known else ""


NOWHERE = Origin()
_current: ContextVar[Origin] = ContextVar("origin", default=NOWHERE)


def current() -> Origin:
    """Where what is done now was asked for."""
    return _current.get()


@contextmanager
def coming_from(origin: Origin) -> Generator[None]:
    """Say where what the block does was asked for."""
    before = _current.set(origin)
    try:
        yield
    finally:
        _current.reset(before)


def origin_of(event: Mapping[str, Any]) -> Origin:
    """Where an invocation's event came from. No header of the request's own has a say in the
    address; an event that is no request came from nowhere.
    """
    context: Mapping[str, Any] = event.get("requestContext") or {}
    identity: Mapping[str, Any] = context.get("identity") or {}
    return Origin(
        source_ip=_address(identity.get("sourceIp")),
        user_agent=_text(identity.get("userAgent"), _USER_AGENT_KEPT),
        request_id=_text(context.get("requestId"), _REQUEST_ID_KEPT),
    )


def _address(value: Any) -> str | None:
    try:
        return str(ip_address(str(value)))
    except ValueError:
        return None


def _text(value: Any, most: int) -> str | None:
    """What Postgres takes as text: no NUL, no half of a surrogate pair."""
    if not isinstance(value, str):
        return None
    return value.replace("\0", "").encode(errors="replace").decode()[:most] or None
