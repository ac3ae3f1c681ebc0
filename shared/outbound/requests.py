"""One request to somebody else's server, which may do whatever it likes with it.

`httpcore` and not `httpx`: it takes a network backend, so that the connection goes to an address
that was checked; it knows no proxies, follows no redirects, keeps no cookies, unpacks nothing. Each
request has a connection of its own and one deadline for all of it. Headers of an answer may have
100 KB (h11's limit); of its body the caller takes what it wants.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpcore
import httpx

from shared.outbound.targets import InvalidUrl, Rules, Target, checked, is_public

_CONNECT_S = 5.0
"""For one address; there may be others."""

Resolve = Callable[[str, int], Sequence[str]]


class Refused(Exception):
    """Nothing was sent; the message is the reason."""


class NoAnswer(Exception):
    """There is no answer that could be used; the message says why, and nothing of what was sent."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer, whatever its status."""

    status: int
    body: bytes


@cache
def certificates() -> ssl.SSLContext:
    """What a server's certificate is checked against: certifi's list, whatever is installed."""
    return httpx.create_ssl_context(trust_env=False)


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host. The resolver has a time limit of its own."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


@dataclass(frozen=True, slots=True)
class Outside:
    """The way out: what may be reached, how names are looked up, whose certificates count."""

    rules: Rules
    timeout_s: float = 15.0
    resolve: Resolve = resolve
    certificates: Callable[[], ssl.SSLContext] = certificates


@contextmanager
def requesting(
    way: Outside, method: str, url: str, headers: Mapping[str, str], body: bytes
) -> Generator[httpcore.Response]:
    """The answer to a request, its body still to be read, for as long as the block runs.

    Raises:
        InvalidUrl: the URL may not be called.
        Refused: nothing was sent, for what its name or its certificate turned out to be.
        httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError: it failed.
    """
    deadline = time.monotonic() + way.timeout_s
    target = checked(url, way.rules)
    backend = _Pinned(_addresses(way, target), deadline)
    named = {"Host": target.authority, "User-Agent": "hasteCRM/1", "Connection": "close"}
    with (
        httpcore.ConnectionPool(
            ssl_context=way.certificates() if target.scheme == "https" else None,
            network_backend=backend,
            max_connections=1,
            max_keepalive_connections=0,
        ) as pool,
        pool.stream(
            method, _url_of(target), headers=list((named | dict(headers)).items()), content=body
        ) as response,
    ):
        yield response


def fetch(
    way: Outside,
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    most: int,
) -> Fetched:
    """An answer with all of its body, which has at most `most` bytes.

    Raises:
        NoAnswer: the URL may not be called, nobody answers in time, or not as HTTP has it; or the
            body is longer.
    """
    try:
        with requesting(way, method, url, headers or {}, body) as response:
            return Fetched(response.status, _all(response.iter_stream(), most))
    except InvalidUrl as refused:
        raise NoAnswer(refused.errors[0].detail) from refused
    except Refused as refused:
        raise NoAnswer(str(refused)[:100]) from refused
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as failure:
        raise NoAnswer(error_of(failure).partition(":")[0]) from failure


def _all(stream: Iterable[bytes], most: int) -> bytes:
    received = bytearray()
    for chunk in stream:
        received += chunk
        if len(received) > most:
            raise Refused("the answer is too long")
    return bytes(received)


def error_of(failure: Exception) -> str:
    """A short reason, for whoever gave the URL to read."""
    match failure:
        case httpcore.TimeoutException():
            return "timeout"
        case httpcore.ConnectError():
            return "connection_refused"
        case httpcore.RemoteProtocolError() | httpcore.LocalProtocolError():
            return f"protocol: {failure}"[:100]
        case httpcore.NetworkError():
            return "connection_closed"
        case _:
            return f"unexpected: {type(failure).__name__}"


def _addresses(way: Outside, target: Target) -> Sequence[str]:
    """Where the target is; every one of its addresses has to be a public one."""
    try:
        found = way.resolve(target.host, target.port)
    except (OSError, UnicodeError) as error:
        raise Refused("unknown_host") from error
    if not found:
        raise Refused("unknown_host")
    if not all(is_public(one, way.rules) for one in found):
        raise Refused("address_not_public")
    return found


def _url_of(target: Target) -> httpcore.URL:
    return httpcore.URL(
        scheme=target.scheme.encode(),
        host=target.host.encode(),
        port=target.port,
        target=target.path.encode(),
    )


class _Pinned(httpcore.NetworkBackend):
    """Connects to addresses that were checked and to no other, whatever the name is now."""

    def __init__(self, addresses: Sequence[str], deadline: float) -> None:
        self._addresses = addresses
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = httpcore.ConnectError("no address")
        for address in self._addresses:
            left = _left(self._deadline, httpcore.ConnectTimeout)
            try:
                stream = httpcore.SyncBackend().connect_tcp(address, port, min(left, _CONNECT_S))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _Timed(stream, self._deadline)
        raise failure


class _Timed(httpcore.NetworkStream):
    """A connection that ends in time, also where every single byte comes in time."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._deadline, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._deadline, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(self._deadline, httpcore.ConnectTimeout)
        try:
            stream = self._stream.start_tls(ssl_context, server_hostname, left)
        except httpcore.ConnectError as error:
            cause = error.__cause__
            reason = cause.reason if isinstance(cause, ssl.SSLError) else None
            raise Refused(f"tls: {reason or error}") from error
        return _Timed(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(deadline: float, too_late: type[Exception]) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise too_late("the time is up")
    return left
