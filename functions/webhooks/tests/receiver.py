"""A receiver of webhooks on the loopback: a real server that can be told how to behave."""

from __future__ import annotations

import hmac
import json
import socket
import ssl
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def is_signed_with(self, secret: str) -> bool:
        """Whether one of its signatures is the secret's, reckoned as the specification says."""
        key = b64decode(secret.removeprefix("whsec_"))
        signed = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        wanted = "v1," + b64encode(hmac.new(key, signed, "sha256").digest()).decode()
        return wanted in self.headers["webhook-signature"].split(" ")


@dataclass(frozen=True)
class Answer:
    """How to answer a request."""

    status: int = 204
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


Behave = Callable[[Received], Answer]


@dataclass
class Receiver:
    """What was received, in order; `behave` decides the answers."""

    port: int = 0
    received: list[Received] = field(default_factory=list[Received])
    behave: Behave = lambda _: Answer()
    sni: list[str | None] = field(default_factory=list[str | None])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Answer so from now on."""
        named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        self.behave = lambda _: Answer(status, named, body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # many connect at once; of more than wait, some are reset


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Generator[Receiver]:
    """A receiver, for as long as the block runs."""
    receiver = Receiver()
    with _Server(("127.0.0.1", 0), _handler_of(receiver)) as server:
        if tls is not None:
            tls.sni_callback = lambda _, name, __: receiver.sni.append(name)
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        receiver.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield receiver
        server.shutdown()
        thread.join()


def _handler_of(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Received(self.command, self.path, headers, body)
            receiver.received.append(request)
            answer = receiver.behave(request)
            with suppress(ConnectionError):  # who asked may be gone
                self.send_response(answer.status)
                for name, value in (*answer.headers, ("Content-Length", str(len(answer.body)))):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

        def log_message(self, format: str, *args: Any) -> None:
            """Tests read `received`."""

    return Handler


@contextmanager
def speaking(lines: Sequence[bytes], *, then_wait: threading.Event | None = None) -> Generator[int]:
    """The port of a server that says this to whoever connects, and closes; or waits first."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return  # the test is over
                with connection:
                    connection.recv(65536)
                    try:
                        for line in lines:
                            connection.sendall(line)
                    except OSError:
                        continue  # it did not want to hear all of it
                    if then_wait is not None:
                        then_wait.wait(20)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(20)
