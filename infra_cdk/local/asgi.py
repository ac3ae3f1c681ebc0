"""Between uvicorn and our `Request` and `Response`: the raw ASGI application.

https://asgi.readthedocs.io/en/latest/specs/www.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import uvicorn

from infra_cdk.local.gateway_events import Request
from infra_cdk.local.gateway_responses import Response

MAX_BODY_BYTES = 10 * 1024 * 1024
MAX_SOCKET_MESSAGE_BYTES = 128 * 1024

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Answer = Callable[[Request], Awaitable[Response]]
Sockets = Callable[[Scope, Receive, Send], Awaitable[None]]


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


def asgi_app(
    answer: Answer, running: AbstractAsyncContextManager[object], sockets: Sockets | None = None
) -> App:
    """An application that answers HTTP by `answer` and lives inside the context `running`."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(running, receive, send)
        elif scope["type"] == "http":
            await _serve(answer, scope, receive, send)
        elif sockets is not None:
            await sockets(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    return app


def serve(app: App, port: int) -> None:
    """Serve on 127.0.0.1 until SIGTERM or SIGINT, then leave `running` in good order."""
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=MAX_SOCKET_MESSAGE_BYTES,
        ws_ping_interval=None,  # API Gateway sends no pings
        lifespan="on",
        access_log=False,
        log_level="warning",
        proxy_headers=False,  # whoever connects is the client, whatever its headers say
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
    )


def read_head(scope: Scope) -> Request:
    """The request without its body."""
    client = scope.get("client") or ("127.0.0.1", 0)
    return Request(
        method=scope.get("method", "GET"),
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in scope["headers"]),
        source_ip=client[0],
        scheme=scope["scheme"],
        http_version=scope["http_version"],
    )


async def _serve(answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
    request = read_head(scope)
    try:
        body = await _read_body(request, receive)
    except ClientGone:
        return
    too_large = len(body) > MAX_BODY_BYTES
    await _respond(await answer(replace(request, body=body, too_large=too_large)), send)


async def _read_body(request: Request, receive: Receive) -> bytes:
    """The body, or more than the limit's bytes of one that is too large."""
    declared = dict(request.headers).get("content-length", "0")
    if declared.isdigit() and int(declared) > MAX_BODY_BYTES:
        return bytes(MAX_BODY_BYTES + 1)
    body = bytearray()
    while len(body) <= MAX_BODY_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return bytes(body)


async def _respond(response: Response, send: Send) -> None:
    headers = [(n.lower().encode("latin-1"), v.encode("utf-8")) for n, v in response.headers]
    if response.status not in (204, 304):
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


async def _live(running: AbstractAsyncContextManager[object], receive: Receive, send: Send) -> None:
    await receive()
    async with running:
        await send({"type": "lifespan.startup.complete"})
        await receive()
    await send({"type": "lifespan.shutdown.complete"})
