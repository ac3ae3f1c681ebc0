"""The loopback proxy in front of `emulate`, as an ASGI app.

A request's way: admin, faults, OAuth, token, quota, Gmail's gaps or the emulator, `fields`.
"""

import asyncio
import json
import socket
import struct
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import httpx

from infra_cdk.local.google import admin, gmail, oauth
from infra_cdk.local.google.answers import (
    Answer,
    error,
    json_answer,
    parse_fields,
    select,
    throttled,
)
from infra_cdk.local.google.faults import Fault
from infra_cdk.local.google.quota import cost
from infra_cdk.local.google.upstream import Proxy, Request, send

Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
# Gmail's own limit of an upload (150 MB) with room for base64.
LARGEST_BODY = 220_000_000


class Cut(Exception):
    """The answer must break off: after half of `answer`, or before any of it."""

    def __init__(self, answer: Answer | None) -> None:
        super().__init__("cut")
        self.answer = answer


async def handle(proxy: Proxy, request: Request) -> Answer:
    """Answers one request; raises Cut when a fault breaks the connection."""
    if request.path in ("/_faults", "/_quota", "/_state", "/_health"):
        return await admin.answer(proxy, request)
    grant = oauth.whose(proxy, request.headers)
    mailbox = grant.mailbox if grant else ""
    cut: Fault | None = None
    for fault in proxy.faults.for_request(request.method, request.target, mailbox):
        match fault.kind:
            case "latency":
                await asyncio.sleep(fault.seconds)
            case "status":
                return _failure(fault)
            case "reset":
                raise Cut(None)
            case _:
                cut = fault
    try:
        answer = await _answer(proxy, request, mailbox)
    except httpx.HTTPError as problem:
        answer = error(503, message=str(problem))
    if cut:
        raise Cut(answer)
    return answer


def _failure(fault: Fault) -> Answer:
    if fault.retry_after is None:
        return error(fault.status, fault.reason, fault.message)
    return throttled(
        fault.status,
        fault.retry_after,
        fault.retry_as,
        reason=fault.reason,
        message=fault.message,
    )


async def _answer(proxy: Proxy, request: Request, mailbox: str) -> Answer:
    answer = await oauth.answer_open(proxy, request)
    if answer is not None:
        return answer
    if not mailbox:
        return error(401)
    rest = gmail.resource(request.path)
    if rest is None:
        return await _pass(proxy, request, mailbox)
    wait = proxy.quota.seconds_to_wait(mailbox, cost(request.method, rest), time.monotonic())
    if wait > 0:
        return throttled(429, wait, "message")
    return _selected(request, await gmail.answer(proxy, request, rest, mailbox))


async def _pass(proxy: Proxy, request: Request, mailbox: str) -> Answer:
    """Calendar, Drive and the user's profile: the emulator knows all that."""
    path = "/oauth2/v2/userinfo" if request.path in oauth.USERINFO_PATHS else request.path
    return await send(
        proxy,
        request.method,
        f"{path}?{request.query}" if request.query else path,
        mailbox=mailbox,
        token=request.headers["authorization"].partition(" ")[2],
        body=request.body,
        content_type=request.headers.get("content-type", "application/json"),
    )


def _selected(request: Request, answer: Answer) -> Answer:
    """Only what `fields` asks for, so that a client which forgets one notices here."""
    if "fields=" not in request.query or answer.status != 200 or not answer.body:
        return answer
    try:
        mask = parse_fields(",".join(request.params()["fields"]))
    except ValueError as problem:
        return error(400, "invalidParameter", f"Invalid field selection {problem}")
    return json_answer(select(json.loads(answer.body), mask))


def make_app(
    start: Callable[[], Awaitable[Proxy]], stop: Callable[[Proxy], Awaitable[None]]
) -> Callable[[Event, Receive, Send], Awaitable[None]]:
    """The ASGI app; `start` runs on its event loop, and so does `stop`."""
    proxies: list[Proxy] = []

    async def lifespan(receive: Receive, send_event: Send) -> None:
        await receive()
        proxies.append(await start())
        await send_event({"type": "lifespan.startup.complete"})
        await receive()
        await stop(proxies[0])
        await send_event({"type": "lifespan.shutdown.complete"})

    async def app(scope: Event, receive: Receive, send_event: Send) -> None:
        if scope["type"] == "lifespan":
            return await lifespan(receive, send_event)
        request = await _read(scope, receive)
        if request is None:
            return await _write(send_event, error(413, "uploadTooLarge", "Request too large"))
        try:
            answer = await handle(proxies[0], request)
        except Cut as cut:
            return await _break_off(scope, send_event, cut.answer)
        return await _write(send_event, answer)

    return app


async def _read(scope: Event, receive: Receive) -> Request | None:
    pieces: list[bytes] = []
    size, more = 0, True
    while more:
        event = await receive()
        pieces.append(event.get("body", b""))
        size += len(pieces[-1])
        more = event.get("more_body", False)
        if size > LARGEST_BODY:
            return None
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query = scope["query_string"].decode("latin-1")
    path = scope["raw_path"].decode("latin-1")
    return Request(scope["method"], path, query, headers, b"".join(pieces))


async def _write(send_event: Send, answer: Answer) -> None:
    headers = {**answer.headers, "content-length": str(len(answer.body))}
    if answer.status in (204, 304):
        headers.pop("content-length")
    await send_event(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
    )
    await send_event({"type": "http.response.body", "body": answer.body})


async def _break_off(scope: Event, send_event: Send, answer: Answer | None) -> None:
    """Half an answer and the end of the connection, or a reset without any answer."""
    transport: asyncio.Transport = scope["haste.transport"]
    if answer is None:
        # Closing without lingering sends a reset instead of an orderly end: socket(7), SO_LINGER.
        client: socket.socket = transport.get_extra_info("socket")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return transport.abort()
    length = str(len(answer.body)).encode()
    await send_event(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [(b"content-length", length), (b"content-type", b"application/json")],
        }
    )
    half = answer.body[: len(answer.body) // 2]
    await send_event({"type": "http.response.body", "body": half, "more_body": True})
    return transport.close()
