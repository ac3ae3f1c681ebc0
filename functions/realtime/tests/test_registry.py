"""The registry on a real Valkey in cluster mode."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest

from functions.realtime import registry
from functions.realtime.models import MOST_TOPICS, RegistryDown, TooManyTopics
from shared import cache

pytestmark = pytest.mark.usefixtures("cached")
USER, SESSION = uuid4(), uuid4()


@pytest.fixture
def place() -> UUID:
    return uuid4()


def _key(place: UUID) -> str:
    return f"crm:{{{place}}}:sockets:open"


def _age(place: UUID, connection: str, seconds: int) -> None:
    """Let a connection have been silent for so long."""
    valkey: Any = cache.connected()
    now, _ = registry.read(place)
    entry = valkey.hget(_key(place), connection).decode()
    before = next(part for part in entry.strip("{}").split(",") if part.startswith('"seen"'))
    aged = entry.replace(before, f'"seen":{now - seconds}')
    valkey.hset(_key(place), connection, aged)


def test_a_connection_is_entered_changed_and_forgotten(place: UUID) -> None:
    assert registry.add(place, "a=", USER, SESSION) == "added"
    assert registry.subscribe(place, "a=", ["contacts", "tasks"]) == {"contacts", "tasks"}
    assert registry.subscribe(place, "a=", ["tasks", "ai"]) == {"contacts", "tasks", "ai"}
    assert registry.unsubscribe(place, "a=", ["contacts", "never"]) == {"tasks", "ai"}
    assert registry.touch(place, "a=") == {"tasks", "ai"}
    assert registry.view(place, "a=", "contacts:1") == ""
    now, [one] = registry.read(place)
    assert (one.id, one.user_id, one.session_id) == ("a=", USER, SESSION)
    assert one.topics == {"tasks", "ai"}
    assert (one.viewing, one.viewing_until - now) in [("contacts:1", 90), ("contacts:1", 89)]
    assert registry.view(place, "a=", "") == "contacts:1"
    assert registry.view(place, "a=", "contacts:2") == ""
    assert registry.remove(place, "a=") == "contacts:2"
    assert registry.read(place)[1] == []


def test_who_is_not_known_is_said_so(place: UUID) -> None:
    assert registry.touch(place, "a") is None
    assert registry.subscribe(place, "a", ["contacts"]) is None
    assert registry.unsubscribe(place, "a", ["contacts"]) is None
    assert registry.view(place, "a", "x") is None
    assert registry.remove(place, "a") is None
    assert registry.read(place)[1] == []


def test_workspaces_do_not_see_each_other(place: UUID) -> None:
    other = uuid4()
    registry.add(place, "a", USER, SESSION)
    registry.subscribe(place, "a", ["contacts"])
    assert registry.read(other)[1] == []
    assert registry.touch(other, "a") is None
    assert registry.remove(other, "a") is None
    assert len(registry.read(place)[1]) == 1


def test_a_connection_of_many_topics_is_kept_and_of_more_refused(place: UUID) -> None:
    registry.add(place, "a", USER, SESSION)
    names = [f"contacts:{uuid4()}" for _ in range(MOST_TOPICS)]
    assert registry.subscribe(place, "a", names[:100]) == set(names[:100])
    assert registry.subscribe(place, "a", names[100:]) == set(names)
    with pytest.raises(TooManyTopics):
        registry.subscribe(place, "a", ["tasks"])
    assert registry.touch(place, "a") == set(names)


def test_what_a_client_says_at_once_is_all_kept(place: UUID) -> None:
    registry.add(place, "a", USER, SESSION)
    with ThreadPoolExecutor(8) as pool:
        for number in range(64):
            pool.submit(registry.subscribe, place, "a", [f"t{number}"])
    assert registry.touch(place, "a") == {f"t{n}" for n in range(64)}


def test_who_is_silent_for_ten_minutes_counts_as_gone(place: UUID) -> None:
    registry.add(place, "silent", USER, SESSION)
    registry.add(place, "quiet", USER, SESSION)
    _age(place, "silent", 605)
    _age(place, "quiet", 590)
    assert [one.id for one in registry.read(place)[1]] == ["quiet"]
    # It is counted neither, and swept out by the next one who comes.
    assert registry.add(place, "new", USER, SESSION, most=2) == "added"
    assert registry.add(place, "more", USER, SESSION, most=2) == "full"
    valkey: Any = cache.connected()
    assert set(valkey.hkeys(_key(place))) == {b"quiet", b"new"}


def test_a_ping_keeps_a_connection(place: UUID) -> None:
    registry.add(place, "a", USER, SESSION)
    _age(place, "a", 590)
    registry.touch(place, "a")
    now, [one] = registry.read(place)
    assert now - one.seen <= 1


def test_only_ones_own_connections_are_counted_and_a_known_one_is_not_new(place: UUID) -> None:
    assert registry.add(place, "a", USER, SESSION, most=1) == "added"
    assert registry.add(place, "a", USER, SESSION, most=1) == "added"
    assert registry.add(place, "b", uuid4(), SESSION, most=1) == "added"
    assert registry.add(place, "c", USER, SESSION, most=1) == "full"
    assert registry.add(place, "c", USER, SESSION, most=None) == "added"


def test_nothing_stays_for_ever(place: UUID) -> None:
    registry.add(place, "a", USER, SESSION)
    valkey: Any = cache.connected()
    assert 800 < valkey.ttl(_key(place)) <= 900
    valkey.expire(_key(place), 5)
    registry.subscribe(place, "a", ["contacts"])
    assert valkey.ttl(_key(place)) > 800


def test_without_the_cache_nobody_can_say(place: UUID, no_cache: None) -> None:
    for ask in (
        lambda: registry.add(place, "a", USER, SESSION),
        lambda: registry.touch(place, "a"),
        lambda: registry.remove(place, "a"),
        lambda: registry.read(place),
    ):
        with pytest.raises(RegistryDown):
            ask()
