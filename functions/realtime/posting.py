"""Posting to connections: API Gateway's `@connections`.

Many at once, but no more a second than the limit all functions share: API Gateway counts posts and
the requests of the REST API together, 10,000 a second in an account, so half is left to those.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache as once
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from functions.realtime.models import Answer
from shared.aws import signed
from shared.cache import run_script
from shared.log import logger, metrics
from shared.settings import setting

if TYPE_CHECKING:
    from urllib3 import PoolManager

_AT_ONCE = 32
_RESERVED_AT_ONCE = 500
_LONGEST_WAIT_S = 5.0
_POSTS_PER_SECOND = "5000"
_GONE = 410

_RESERVE = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local rate, most, longest = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local free = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now - 1000000)
local after = free + most * 1000000 / rate
local wait = math.max(0, after - now)
if wait > longest then return -1 end
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', 10000)
return math.ceil(wait)
"""
"""A bucket of one second's posts, as the time when it will have been full again: reserve `most` and
say how many microseconds to wait for them, -1 where that is too long.
"""


class NotPosted(RuntimeError):
    """Some messages did not reach connections that are there."""


def encoded(message: Answer) -> bytes:
    """A message as it is sent."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def post(messages: Mapping[str, Sequence[bytes]]) -> set[str]:
    """Post to each connection its messages, in their order; the connections that are gone.

    Raises:
        NotPosted: some connection did not take all of its messages. Those of the others are posted.
    """
    gone: set[str] = set()
    failed: list[str] = []
    listed = list(messages.items())
    for start in range(0, len(listed), _RESERVED_AT_ONCE):
        chunk = listed[start : start + _RESERVED_AT_ONCE]
        _reserve(sum(len(bodies) for _, bodies in chunk))
        for (identifier, _), outcome in zip(chunk, _post_all(chunk), strict=True):
            if outcome == "gone":
                gone.add(identifier)
            elif outcome != "posted":
                failed.append(outcome)
    metrics.add_metric(name="SocketMessages", unit="Count", value=sum(map(len, messages.values())))
    if failed:
        raise NotPosted(f"{len(failed)} of {len(messages)} connections: {failed[0]}")
    return gone


def close(connection_id: str) -> None:
    """Close a connection, if it is still there.

    Raises:
        NotPosted: API Gateway did not do it.
    """
    status = _request("DELETE", connection_id, b"")
    if status // 100 != 2 and status != _GONE:
        raise NotPosted(f"closing a connection was answered by {status}")


def _reserve(count: int) -> None:
    """Wait for one's share of the limit; without the cache there is none.

    Raises:
        NotPosted: it would take too long.
    """
    rate = int(setting("SOCKET_POSTS_PER_SECOND", _POSTS_PER_SECOND))
    longest_us = int(_LONGEST_WAIT_S * 1_000_000)
    wait_us = run_script(_RESERVE, "posts", "all", rate, count, longest_us)
    if wait_us is not None and wait_us < 0:
        raise NotPosted("more is posted than the limit allows")
    if wait_us:
        time.sleep(wait_us / 1_000_000)


def _post_all(chunk: Sequence[tuple[str, Sequence[bytes]]]) -> list[str]:
    if len(chunk) == 1:
        return [_post_each(chunk[0])]
    return list(_threads().map(_post_each, chunk))


def _post_each(messages: tuple[str, Sequence[bytes]]) -> str:
    """Post messages to one connection: `posted`, `gone`, or what is wrong. Never raises."""
    identifier, bodies = messages
    try:
        for body in bodies:
            status = _request("POST", identifier, body)
            if status == _GONE:
                return "gone"
            if status // 100 != 2:
                return f"status {status}"
    except Exception as error:
        logger.warning("a post failed", metadata={"error": repr(error)[:500]})
        return type(error).__name__
    return "posted"


def _request(method: str, connection_id: str, body: bytes) -> int:
    url = f"{setting('SOCKETS_ENDPOINT')}/@connections/{quote(connection_id, safe='')}"
    headers = signed("execute-api", method, url, body)
    answer: Any = _pool().request(method, url, body=body, headers=headers)
    return answer.status


@once
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_AT_ONCE)


@once
def _pool() -> PoolManager:
    import urllib3

    # A message that is sent again is harmless: receivers go by versions.
    again = urllib3.Retry(
        2,
        allowed_methods=None,
        status_forcelist=(429, 500, 502, 503, 504),
        backoff_factor=0.05,
        raise_on_status=False,
    )
    timeout = urllib3.Timeout(connect=2, read=5)
    return urllib3.PoolManager(maxsize=_AT_ONCE, block=True, retries=again, timeout=timeout)
