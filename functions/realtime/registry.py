"""Who is connected, by workspace, in Valkey: a hash of connections.

It may be lost, as everything there. A connection that says something and is not known is entered
again by whoever answers it, so the registry heals as clients ping; one that says nothing for ten
minutes counts as gone, which is when API Gateway closes it, too. Each change is one script on one
key, so two messages of a client cannot undo each other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Literal, cast
from uuid import UUID

from functions.realtime.models import (
    MOST_CONNECTIONS,
    MOST_TOPICS,
    VIEW_SECONDS,
    Connection,
    RegistryDown,
    TooManyTopics,
)
from shared import cache

FRESH_SECONDS = 600
_KIND, _NAME = "sockets", "open"
_NO_LIMIT = 1_000_000

_KEEP = f"redis.call('EXPIRE', KEYS[1], {FRESH_SECONDS + 300})"
_NOW = "local now = tonumber(redis.call('TIME')[1])"
_FIND = f"""
{_NOW}
local found = redis.call('HGET', KEYS[1], ARGV[1])
if not found then return 0 end
local one = cjson.decode(found)
one.seen = now
"""
_STORE = f"""
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(one))
{_KEEP}
"""
_ADD = f"""
{_NOW}
local all, own = redis.call('HGETALL', KEYS[1]), 0
for i = 1, #all, 2 do
  local other = cjson.decode(all[i + 1])
  if other.seen + {FRESH_SECONDS} < now then
    redis.call('HDEL', KEYS[1], all[i])
  elseif other.user == ARGV[2] and all[i] ~= ARGV[1] then
    own = own + 1
  end
end
if own >= tonumber(ARGV[4]) then return 'full' end
local one = {{user = ARGV[2], session = ARGV[3], topics = '', viewing = '', till = 0, seen = now}}
{_STORE}
return 'added'
"""
_TOUCH = f"{_FIND}{_STORE}\nreturn one.topics"
_SUBSCRIBE = f"""
{_FIND}
local has, count = {{}}, 0
for topic in string.gmatch(one.topics, '%S+') do has[topic] = true; count = count + 1 end
for i = 2, #ARGV do
  if not has[ARGV[i]] then
    has[ARGV[i]] = true
    count = count + 1
    one.topics = one.topics .. ' ' .. ARGV[i]
  end
end
if count > {MOST_TOPICS} then return 'full' end
{_STORE}
return one.topics
"""
_UNSUBSCRIBE = f"""
{_FIND}
local left = {{}}
for i = 2, #ARGV do left[ARGV[i]] = true end
local kept = ''
for topic in string.gmatch(one.topics, '%S+') do
  if not left[topic] then kept = kept .. ' ' .. topic end
end
one.topics = kept
{_STORE}
return one.topics
"""
_VIEW = f"""
{_FIND}
local before = ''
if one.till > now then before = one.viewing end
one.viewing = ARGV[2]
one.till = now + {VIEW_SECONDS}
{_STORE}
return before
"""
_REMOVE = f"""
{_FIND}
redis.call('HDEL', KEYS[1], ARGV[1])
if one.till > now then return one.viewing end
return ''
"""
_READ = f"""
{_NOW}
return {{now, redis.call('HGETALL', KEYS[1])}}
"""

Added = Literal["added", "full"]


def add(
    workspace_id: UUID,
    connection_id: str,
    user_id: UUID,
    session_id: UUID,
    *,
    most: int | None = MOST_CONNECTIONS,
) -> Added:
    """Enter a connection, without topics; `full` where its member has `most` others already.

    Raises:
        RegistryDown: the cache does not answer.
    """
    limit = str(_NO_LIMIT if most is None else most)
    answer = _run(_ADD, workspace_id, connection_id, str(user_id), str(session_id), limit)
    return cast("Added", answer.decode())


def touch(workspace_id: UUID, connection_id: str) -> frozenset[str] | None:
    """Note that a connection lives; its topics, None where it is not known.

    Raises:
        RegistryDown: the cache does not answer.
    """
    return _topics(_run(_TOUCH, workspace_id, connection_id))


def subscribe(
    workspace_id: UUID, connection_id: str, topics: Iterable[str]
) -> frozenset[str] | None:
    """Add topics to a connection's; all it has then, None where it is not known.

    Raises:
        RegistryDown: the cache does not answer.
        TooManyTopics: it would have too many.
    """
    answer = _run(_SUBSCRIBE, workspace_id, connection_id, *topics)
    if answer == b"full":
        raise TooManyTopics
    return _topics(answer)


def unsubscribe(
    workspace_id: UUID, connection_id: str, topics: Iterable[str]
) -> frozenset[str] | None:
    """Take topics from a connection's; those it has then, None where it is not known.

    Raises:
        RegistryDown: the cache does not answer.
    """
    return _topics(_run(_UNSUBSCRIBE, workspace_id, connection_id, *topics))


def view(workspace_id: UUID, connection_id: str, record: str) -> str | None:
    """Note which record a connection looks at, `""` for none; what it looked at before, None where
    it is not known.

    Raises:
        RegistryDown: the cache does not answer.
    """
    return _text(_run(_VIEW, workspace_id, connection_id, record))


def remove(workspace_id: UUID, connection_id: str) -> str | None:
    """Forget a connection; the record it looked at, None where it was not known.

    Raises:
        RegistryDown: the cache does not answer.
    """
    return _text(_run(_REMOVE, workspace_id, connection_id))


def read(workspace_id: UUID) -> tuple[int, list[Connection]]:
    """The time by the cache's clock, and every connection of a workspace.

    Raises:
        RegistryDown: the cache does not answer.
    """
    now, pairs = _run(_READ, workspace_id)
    found = (
        _connection(identifier.decode(), json.loads(entry))
        for identifier, entry in zip(pairs[::2], pairs[1::2], strict=True)
    )
    return now, [one for one in found if one.seen + FRESH_SECONDS >= now]


def _run(script: str, workspace_id: UUID, *arguments: str) -> Any:
    answer = cache.run_workspace_script(script, workspace_id, _KIND, [_NAME], *arguments)
    if answer is None:
        raise RegistryDown
    return answer


def _topics(answer: bytes | int) -> frozenset[str] | None:
    text = _text(answer)
    return None if text is None else frozenset(text.split())


def _text(answer: bytes | int) -> str | None:
    return answer.decode() if isinstance(answer, bytes) else None


def _connection(identifier: str, entry: dict[str, Any]) -> Connection:
    return Connection(
        id=identifier,
        user_id=UUID(entry["user"]),
        session_id=UUID(entry["session"]),
        topics=frozenset(entry["topics"].split()),
        viewing=entry["viewing"],
        viewing_until=int(entry["till"]),
        seen=int(entry["seen"]),
    )
