"""Valkey: values that may be lost, by workspace and with an end.

A cache that is down or full changes nothing but the speed: reads find nothing, writes do nothing,
and a metric says so. One that does not answer is not asked again for some seconds, or everything
would wait for it. Keys are `crm:<workspace>:<kind>:<id>`; there is no other way to make one, so
no value can be read by another workspace. Things that belong to no workspace live under
`sys:<name>:<id>`, with names from a closed list. Nothing is stored without a time to live:
ElastiCache evicts only keys that have one.

Cluster mode everywhere, as on ElastiCache Serverless: two keys in one script must share a
`{hash tag}`, or it fails on a laptop as it would there. So what a script uses together is under
`crm:{<workspace>}:<kind>:<id>`; all else has no tag, so a large workspace is spread over slots.
https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/WhatIs.corecomponents.html
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Literal, cast
from uuid import UUID

# At import and not at first use: so it is in the snapshot that SnapStart starts functions from.
from redis.cluster import RedisCluster
from redis.exceptions import ClusterError, RedisClusterException, RedisError, ResponseError

from shared.log import logger, metrics
from shared.settings import setting

SystemName = Literal["breaker", "posts", "throttle"]

_LONGEST_TTL_S = 7 * 24 * 3600
_TIMEOUT_S = 1.0
_PAUSE_S = 5.0
"""For how long a cache that did not answer is not asked again."""
_pauses: dict[str, float] = {}
"""Until when, by the cache's URL."""


def get(workspace_id: UUID, kind: str, identifier: str) -> bytes | None:
    """The value, or None where there is none or the cache does not answer."""
    return cast("bytes | None", _attempt("get", _key(workspace_id, kind, identifier)))


def put(workspace_id: UUID, kind: str, identifier: str, value: bytes, *, ttl_s: int) -> bool:
    """Keep a value for `ttl_s` seconds, at most seven days; whether the cache said that it does.

    Raises:
        ValueError: `ttl_s` is out of range.
    """
    if not 0 < ttl_s <= _LONGEST_TTL_S:
        raise ValueError(f"ttl_s must be 1 to {_LONGEST_TTL_S}, not {ttl_s}")
    return bool(_attempt("set", _key(workspace_id, kind, identifier), value, ex=ttl_s))


def take(workspace_id: UUID, kind: str, identifier: str) -> bytes | None:
    """The value, which is gone then, so that of many who ask at once one gets it; None as `get`."""
    return cast("bytes | None", _attempt("getdel", _key(workspace_id, kind, identifier)))


def drop(workspace_id: UUID, kind: str, identifier: str) -> None:
    """Forget a value."""
    _attempt("delete", _key(workspace_id, kind, identifier))


def run_script(source: str, name: SystemName, identifier: str, *arguments: str | int) -> Any:
    """Run a Lua script on one system key; None where the cache does not answer.

    What the script leaves without a time to live gets the longest.
    """
    return _run(source, [f"sys:{name}:{_part(identifier)}"], arguments)


def run_workspace_script(
    source: str,
    workspace_id: UUID,
    kind: str,
    identifiers: Sequence[str],
    *arguments: str | int,
) -> Any:
    """The same on several keys of one workspace, in one go: `KEYS` are in the identifiers' order.

    They are other keys than those of `get` and `put`.
    """
    keys = [_key(workspace_id, kind, one, tagged=True) for one in identifiers]
    return _run(source, keys, arguments)


def ping() -> None:
    """Ask whether the cache answers.

    Raises:
        redis.RedisError, redis.exceptions.RedisClusterException: it does not.
    """
    cast("Any", connected()).ping()


def connected() -> RedisCluster:
    """The client of `HASTE_CACHE_URL`, made at first use; it finds the cluster's nodes itself.

    Raises:
        redis.exceptions.RedisClusterException: no node answers.
    """
    url = setting("CACHE_URL")
    if url not in _clients:
        _clients[url] = RedisCluster.from_url(  # pyright: ignore[reportUnknownMemberType] -- untyped
            url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S
        )
    return _clients[url]


_clients: dict[str, RedisCluster] = {}
"""One per address: a client begins by asking for all commands, some 40,000 values to parse."""


def disconnect() -> None:
    """Close every connection; the next use opens new ones."""
    while _clients:
        _clients.popitem()[1].close()


def _run(source: str, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
    return _attempt("eval", _GUARDED.replace("SOURCE", source), len(keys), *keys, *arguments)


_GUARDED = f"""
local answer = (function()
SOURCE
end)()
for _, key in ipairs(KEYS) do
  if redis.call('TTL', key) == -1 then redis.call('EXPIRE', key, {_LONGEST_TTL_S}) end
end
return answer
"""


def _attempt(command: str, *arguments: Any, **options: Any) -> Any:
    url = setting("CACHE_URL")
    if time.monotonic() < _pauses.get(url, 0):
        return None
    try:
        return getattr(connected(), command)(*arguments, **options)
    except (RedisError, RedisClusterException) as error:
        if isinstance(error, ClusterError) or not isinstance(error, ResponseError):
            _pauses[url] = time.monotonic() + _PAUSE_S
        logger.warning("the cache does not answer", metadata={"error": repr(error)[:200]})
        metrics.add_metric(name="CacheUnavailable", unit="Count", value=1)
        return None


def _key(workspace_id: UUID, kind: str, identifier: str, *, tagged: bool = False) -> str:
    if not isinstance(workspace_id, UUID):  # pyright: ignore[reportUnnecessaryIsInstance] -- the one thing that must not be wrong
        raise TypeError("a cache key needs the workspace's UUID")
    workspace = f"{{{workspace_id}}}" if tagged else str(workspace_id)
    return f"crm:{workspace}:{_part(kind)}:{_part(identifier)}"


def _part(text: str) -> str:
    """A part of a key that cannot pose as several, or choose its slot.

    Raises:
        ValueError: it holds `:` or a brace, or is empty or too long.
    """
    if not text or len(text) > 200 or not set(text).isdisjoint(":{}"):
        raise ValueError(f"not a key's part: {text[:50]!r}")
    return text
