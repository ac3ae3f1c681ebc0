"""HEAD is GET without the body (RFC 9110 §9.3.2): same permissions, limits, status and headers."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send


def answering_head(app: ASGIApp) -> ASGIApp:
    """An app that answers HEAD wherever it answers GET."""

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "HEAD":
            await app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await app({**scope, "method": "GET"}, receive, without_body)

    return answered
