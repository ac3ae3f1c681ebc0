"""A stand-in of API Gateway's WebSocket API: connections that exist or do not, and what functions
post to them. It hears real HTTP, and sees to it that requests are signed.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import unquote

PREFIX = "/stage/@connections/"


@dataclass
class Gateway:
    """Its connections, what they were sent in order, and those that functions have closed.

    `failing` answers posts to a connection by these statuses, one after the other.
    """

    url: str = ""
    open: set[str] = field(default_factory=set[str])
    sent: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list[Any]))
    closed: list[str] = field(default_factory=list[str])
    failing: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, method: str, path: str, authorization: str, body: bytes) -> int:
        with self.lock:
            self.asked.append((method, path))
            if not authorization.startswith("AWS4-HMAC-SHA256 Credential="):
                return 403
            identifier = unquote(path.removeprefix(PREFIX))
            if self.failing.get(identifier):
                return self.failing[identifier].pop(0)
            if identifier not in self.open:
                return 410
            if method == "DELETE":
                self.open.remove(identifier)
                self.closed.append(identifier)
                return 204
            self.sent[identifier].append(json.loads(body))
            return 200


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # many connect at once; of more than wait, some are reset
    gateway: Gateway


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        authorization = self.headers.get("Authorization") or ""
        gateway = cast("_Server", self.server).gateway
        self.send_response(gateway.answer(self.command, self.path, authorization, body))
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_DELETE = do_POST

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what is asked is in `Gateway.asked`."""


@contextmanager
def running() -> Generator[Gateway]:
    """A gateway that answers until the block ends."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.gateway = Gateway(f"http://127.0.0.1:{server.server_port}/stage")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.gateway
        server.shutdown()
        thread.join()
