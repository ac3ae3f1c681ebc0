"""`/api/latest/...` is another name of the newest version of the API, `/api/v1/...`.

Both gateways lead the other name to the same function (`shared.wiring.Http.prefixes`). Here it is
given its real name, before anything looks at it: routes, permissions and Idempotency-Keys are those
of the version.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from shared.wiring import LATEST, NEWEST


def named_by_version(path: str) -> str:
    """A path by its real name."""
    return NEWEST + path.removeprefix(LATEST) if path.startswith(LATEST) else path


def known_as_latest(app: ASGIApp) -> ASGIApp:
    """An app that answers under both names."""

    async def renamed(scope: Scope, receive: Receive, send: Send) -> None:
        scope["path"] = named_by_version(scope["path"])
        await app(scope, receive, send)

    return renamed
