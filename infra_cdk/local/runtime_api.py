"""The Lambda Runtime API for one execution environment, on a loopback port of its own.

The real runtime client (`awslambdaric`) asks `/invocation/next`, runs the handler, and posts the
answer to `/response` or `/error`; what goes wrong at import time it posts to `/init/error`.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import httptools

MAX_REQUEST_BYTES = 6_291_456
MAX_RESPONSE_BYTES = 6_291_556

_INVOCATION = re.compile(r"/2018-06-01/runtime/invocation/([^/]+)/(response|error)")
_NEXT = "/2018-06-01/runtime/invocation/next"
_INIT_ERROR = "/2018-06-01/runtime/init/error"
_REASONS = {200: "OK", 202: "Accepted", 400: "Bad Request", 403: "Forbidden", 404: "Not Found"}

Kind = Literal["idle", "response", "error", "init_error", "exited", "timeout"]


@dataclass(frozen=True, slots=True)
class Signal:
    """What happened in the environment: `body` is the JSON the runtime client posted, if any."""

    kind: Kind
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Invocation:
    """One event on its way to the handler."""

    request_id: str
    payload: bytes
    arn: str
    trace_id: str


class RuntimeApi:
    """Serves one runtime client, one event at a time; tells `on_signal` what the client did."""

    def __init__(self, on_signal: Callable[[Signal], None]) -> None:
        self._on_signal = on_signal
        self._connections: set[_Connection] = set()
        self._asking: _Connection | None = None
        self._running: str | None = None
        self._server: asyncio.Server | None = None
        self.address = ""

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        self.forget_client()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    @property
    def idle(self) -> bool:
        """Whether the runtime client is waiting for an event."""
        return self._asking is not None

    def give(self, invocation: Invocation, deadline_ms: int) -> None:
        """Answer the waiting `/next` with this event. Only when `idle`.

        `deadline_ms` is Unix time in milliseconds.
        """
        assert self._asking is not None, "the runtime client is not waiting for an event"
        asking, self._asking = self._asking, None
        self._running = invocation.request_id
        headers = {
            "Aws-Request-Id": invocation.request_id,
            "Deadline-Ms": deadline_ms,
            "Invoked-Function-Arn": invocation.arn,
            "Trace-Id": invocation.trace_id,
        }
        lines = "".join(f"Lambda-Runtime-{name}: {value}\r\n" for name, value in headers.items())
        asking.reply(200, invocation.payload, lines)

    def forget_client(self) -> None:
        """Drop the connections of a runtime client that has ended."""
        self._asking = self._running = None
        for connection in tuple(self._connections):
            connection.drop()

    def attach(self, connection: _Connection) -> None:
        self._connections.add(connection)

    def detach(self, connection: _Connection) -> None:
        self._connections.discard(connection)
        if self._asking is connection:
            self._asking = None

    def answer(self, connection: _Connection, request: _Request) -> None:
        """Act on one complete request of the runtime client."""
        if request.from_browser or request.host != self.address:
            connection.refuse(403, "Forbidden", "only the runtime client may call this")
        elif request.method == "GET" and request.path == _NEXT:
            self._asking = connection
            self._on_signal(Signal("idle"))
        elif request.method == "POST" and request.path == _INIT_ERROR:
            connection.accept()
            self._on_signal(Signal("init_error", bytes(request.body)))
        elif request.method == "POST" and (match := _INVOCATION.fullmatch(request.path)):
            self._take_outcome(connection, request, match[1], match[2])
        else:
            connection.refuse(404, "NotFound", f"no {request.method} {request.path} here")

    def _take_outcome(
        self, connection: _Connection, request: _Request, request_id: str, kind: str
    ) -> None:
        if request_id != self._running:
            connection.refuse(400, "InvalidRequestID", f"{request_id} is not being handled")
            return
        self._running = None
        if request.too_large:
            message = (
                "Response payload size exceeded maximum allowed payload size "
                f"({MAX_RESPONSE_BYTES} bytes)."
            )
            connection.refuse(413, "Function.ResponseSizeTooLarge", message)
            self._on_signal(Signal("error", _error_body("Function.ResponseSizeTooLarge", message)))
            return
        connection.accept()
        self._on_signal(Signal("response" if kind == "response" else "error", bytes(request.body)))


class _Request:
    """A request while its bytes arrive."""

    __slots__ = ("body", "expects", "from_browser", "host", "method", "path", "too_large")

    def __init__(self) -> None:
        self.method = ""
        self.path = ""
        self.host = ""
        self.body = bytearray()
        self.expects = False
        self.too_large = False
        # A web page can make a browser on this machine call any loopback port; the browser says so.
        self.from_browser = False


class _Connection(asyncio.Protocol):
    """One TCP connection of the runtime client. The `on_` methods are called by httptools."""

    def __init__(self, api: RuntimeApi) -> None:
        self._api = api
        self._parser = httptools.HttpRequestParser(self)
        self._request = _Request()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._api.attach(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._api.detach(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.drop()

    def on_message_begin(self) -> None:
        self._request = _Request()

    def on_url(self, url: bytes) -> None:
        self._request.path += url.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        match name.lower():
            case b"host":
                self._request.host = value.decode("latin-1")
            case b"expect":
                self._request.expects = True
            case b"origin" | b"sec-fetch-site":
                self._request.from_browser = True
            case _:
                pass

    def on_headers_complete(self) -> None:
        if self._request.expects:  # libcurl asks before it sends a large body
            self._write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        if len(self._request.body) + len(body) > MAX_RESPONSE_BYTES:
            self._request.too_large = True
        else:
            self._request.body += body

    def on_message_complete(self) -> None:
        self._request.method = self._parser.get_method().decode("latin-1")
        self._api.answer(self, self._request)

    def accept(self) -> None:
        self.reply(202, b'{"status":"OK"}')

    def refuse(self, status: int, error_type: str, message: str) -> None:
        self.reply(status, _error_body(error_type, message))

    def reply(self, status: int, body: bytes, headers: str = "") -> None:
        head = (
            f"HTTP/1.1 {status} {_REASONS.get(status, 'Error')}\r\n{headers}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._write(head.encode("latin-1") + body)

    def drop(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


def _error_body(error_type: str, message: str) -> bytes:
    return json.dumps({"errorMessage": message, "errorType": error_type}).encode()
