"""One request to somebody else's server, which may do whatever it likes with it.

`httpcore` and not `httpx`: it takes a network backend, so that the connection goes to an address
that was checked; it knows no proxies, follows no redirects, keeps no cookies, unpacks nothing. Each
request has a connection of its own and one deadline for all of it. Of the answer the status counts;
1 KB of its body is kept, and its headers may have 100 KB (h11's limit).
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

import httpcore
import httpx

from functions.webhooks.targets import InvalidUrl, Rules, Target, checked, is_public, rules
from shared.settings import setting

MOST_KEPT = 1024
_CONNECT_S = 5.0
"""For one address; there may be others."""
_USER_AGENT = "hasteCRM-Webhooks/1"

Resolve = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a request: a status, or the reason why there is none."""

    status: int | None
    error: str | None
    text: str
    retry_after_s: float | None
    duration_ms: int


@cache
def certificates() -> ssl.SSLContext:
    """What a receiver's certificate is checked against: certifi's list, whatever is installed."""
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


def outside() -> Outside:
    """The way out of this deployment."""
    return Outside(rules(), timeout_s=float(setting("WEBHOOK_TIMEOUT_SECONDS", "15")))


class _Refused(Exception):
    """Nothing was sent; the message is the reason."""


def post(way: Outside, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
    """POST `body`. Never raises: whatever goes wrong is a reply."""
    began = time.monotonic()
    status, error, text, retry_after_s = None, None, "", None
    try:
        target = checked(url, way.rules)
        backend = _Pinned(_addresses(way, target), began + way.timeout_s)
        with (
            httpcore.ConnectionPool(
                ssl_context=way.certificates() if target.scheme == "https" else None,
                network_backend=backend,
                max_connections=1,
                max_keepalive_connections=0,
            ) as pool,
            pool.stream(
                "POST", _url_of(target), headers=_all_headers(target, headers), content=body
            ) as response,
        ):
            status = response.status
            retry_after_s = _retry_after(response.headers)
            text = _beginning(response.iter_stream())
    except InvalidUrl as refused:
        error = f"invalid_url: {refused.errors[0].detail}"
    except _Refused as refused:
        error = str(refused)[:100]
    except Exception as failure:
        error = error_of(failure) if status is None else None
    return Reply(status, error, text, retry_after_s, round((time.monotonic() - began) * 1000))


def error_of(failure: Exception) -> str:
    """A short reason, for the endpoint's owner to read."""
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
        raise _Refused("unknown_host") from error
    if not found:
        raise _Refused("unknown_host")
    if not all(is_public(one, way.rules) for one in found):
        raise _Refused("address_not_public")
    return found


def _url_of(target: Target) -> httpcore.URL:
    return httpcore.URL(
        scheme=target.scheme.encode(),
        host=target.host.encode(),
        port=target.port,
        target=target.path.encode(),
    )


def _all_headers(target: Target, headers: Mapping[str, str]) -> list[tuple[str, str]]:
    own = {"Host": target.authority, "User-Agent": _USER_AGENT, "Connection": "close"}
    return list((own | {"Content-Type": "application/json"} | dict(headers)).items())


def _beginning(stream: Iterable[bytes]) -> str:
    """The first KB of an answer. That it breaks off later changes nothing: the status is here."""
    kept = b""
    try:
        for chunk in stream:
            kept += chunk
            if len(kept) >= MOST_KEPT:
                break
    except Exception:  # noqa: S110 -- see above
        pass
    return kept[:MOST_KEPT].decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def _retry_after(headers: Iterable[tuple[bytes, bytes]]) -> float | None:
    """How long the receiver wants us to wait: RFC 9110 has it as seconds or as a date."""
    value = next((v.decode("latin-1") for n, v in headers if n.lower() == b"retry-after"), "")
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


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
            raise _Refused(f"tls: {reason or error}") from error
        return _Timed(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(deadline: float, too_late: type[Exception]) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise too_late("the time is up")
    return left
