"""Routes that will go: said in every answer, six months before, and who still uses them is counted.

`@app.get(..., openapi_extra=needs(...) | deprecated(since=date(...), sunset=date(...)))` is all.
Answers carry `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and, where there is a page about it,
`Link` with rel="deprecation". Every use is counted by the day with its route and the key or person,
which `GET /api/v1/deprecations` shows, so that who is left can be told before it goes; and adds to
the metric `DeprecatedRouteUsed`.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.auth import caller_of
from shared.db import Tx, transaction
from shared.errors import Unauthorized
from shared.ids import uuid7
from shared.log import logger, metrics

_SINCE, _SUNSET, _LINK = "x-deprecated-since", "x-sunset", "x-deprecation-link"
_NOTICE_MONTHS = 6


def deprecated(*, since: date, sunset: date, link: str | None = None) -> dict[str, Any]:
    """For the `openapi_extra` of a route that will go on the day `sunset`; `link` is a page for
    people, about what to do instead.

    Raises:
        ValueError: there are less than six months from `since` to `sunset`.
    """
    if sunset < _months_after(since, _NOTICE_MONTHS):
        raise ValueError(f"sunset on {sunset} is less than six months after {since}")
    said = {"deprecated": True, _SINCE: since.isoformat(), _SUNSET: sunset.isoformat()}
    return said | ({_LINK: link} if link else {})


def telling_deprecation(app: ASGIApp) -> ASGIApp:
    """An app whose answers say which of its routes are deprecated."""

    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = _said(scope)
                if said:
                    _count(scope, said)
                    message = {**message, "headers": [*message["headers"], *_headers(said)]}
            await send(message)

        await app(scope, receive, tell)

    return told


def _said(scope: Scope) -> dict[str, Any] | None:
    """What the route that was found for a request says of itself; None if it is not deprecated."""
    extra: dict[str, Any] = getattr(scope.get("route"), "openapi_extra", None) or {}
    return extra if _SUNSET in extra else None


def _headers(said: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    since, sunset = _midnight(said[_SINCE]), _midnight(said[_SUNSET])
    found = [
        (b"deprecation", f"@{int(since.timestamp())}".encode()),
        (b"sunset", format_datetime(sunset, usegmt=True).encode()),
    ]
    if _LINK in said:
        found.append((b"link", f'<{said[_LINK]}>; rel="deprecation"; type="text/html"'.encode()))
    return found


def _count(scope: Scope, said: dict[str, Any]) -> None:
    route = f"{scope['method']} {scope['route'].path}"
    metrics.add_metric(name="DeprecatedRouteUsed", unit="Count", value=1)
    try:
        caller = caller_of(scope.get("aws.event") or {})
    except Unauthorized:
        logger.info("a deprecated route was used", metadata={"route": route})
        return
    try:
        with transaction(caller.workspace_id, user_id=caller.user_id, actor=caller.actor) as tx:
            _insert(tx, route, said[_SUNSET])
    except Exception:  # a request does not fail because it is not counted
        who = {"workspace_id": str(caller.workspace_id), "actor": caller.actor}
        logger.exception("a deprecated route was used", metadata={"route": route, **who})


def _insert(tx: Tx, route: str, sunset: str) -> None:
    tx.run(
        """
        insert into deprecated_uses as u (workspace_id, id, route, actor, day, sunset)
        values (%(workspace_id)s, %(id)s, %(route)s, %(actor)s, (now() at time zone 'UTC')::date,
            %(sunset)s::date)
        on conflict (workspace_id, day, route, actor)
            do update set uses = u.uses + 1, last_at = now(), sunset = excluded.sunset
        """,
        id=uuid7(),
        route=route,
        actor=tx.actor,
        sunset=sunset,
    )


def _midnight(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(), UTC)


def _months_after(day: date, months: int) -> date:
    """The same day of a later month, or that month's last day."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return day.replace(year=year, month=month + 1, day=min(day.day, monthrange(year, month + 1)[1]))
