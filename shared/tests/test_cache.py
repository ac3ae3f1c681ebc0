"""The cache wrapper and the circuit breaker against a real Valkey in cluster mode."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from shared import cache, resilience
from shared.resilience import CircuitOpen, breaker

WORKSPACE, OTHER = uuid4(), uuid4()


@pytest.fixture
def connected(valkey: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HASTE_CACHE_URL", valkey.url)


@pytest.fixture
def vendor() -> str:
    return f"vendor-{uuid4()}"


def _fail(vendor: str) -> None:
    with pytest.raises(TimeoutError), breaker(vendor, is_failure=lambda _: True):
        raise TimeoutError


@pytest.mark.usefixtures("connected")
def test_a_value_is_found_by_its_own_workspace_alone() -> None:
    cache.put(WORKSPACE, "session", "a", b"value", ttl_s=60)
    assert cache.get(WORKSPACE, "session", "a") == b"value"
    assert cache.get(OTHER, "session", "a") is None
    cache.drop(WORKSPACE, "session", "a")
    assert cache.get(WORKSPACE, "session", "a") is None


@pytest.mark.usefixtures("connected")
def test_what_is_taken_is_gone() -> None:
    assert cache.put(WORKSPACE, "ticket", "a", b"value", ttl_s=60) is True
    assert cache.take(OTHER, "ticket", "a") is None
    assert cache.take(WORKSPACE, "ticket", "a") == b"value"
    assert cache.take(WORKSPACE, "ticket", "a") is None


@pytest.mark.usefixtures("connected")
def test_every_value_has_an_end() -> None:
    cache.put(WORKSPACE, "session", "b", b"value", ttl_s=60)
    key = f"crm:{WORKSPACE}:session:b"
    assert 0 < cache.connected().ttl(key) <= 60
    for ttl_s in (0, -1, 8 * 24 * 3600):
        with pytest.raises(ValueError, match="ttl_s"):
            cache.put(WORKSPACE, "session", "b", b"value", ttl_s=ttl_s)


@pytest.mark.parametrize("part", ["", "a:b", "{a}", "x" * 201])
def test_a_part_of_a_key_cannot_pose_as_another_key(part: str) -> None:
    with pytest.raises(ValueError, match="key's part"):
        cache.get(WORKSPACE, "session", part)
    with pytest.raises(ValueError, match="key's part"):
        cache.get(WORKSPACE, part, "a")


def test_a_key_without_a_workspace_is_refused() -> None:
    nothing: Any = None
    with pytest.raises(TypeError, match="workspace"):
        cache.get(nothing, "session", "a")


def test_a_cache_that_is_down_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HASTE_CACHE_URL", "redis://127.0.0.1:1")
    assert cache.put(WORKSPACE, "session", "a", b"value", ttl_s=60) is False
    assert cache.take(WORKSPACE, "session", "a") is None
    assert cache.get(WORKSPACE, "session", "a") is None
    with breaker("vendor", is_failure=lambda _: True):
        pass


@pytest.mark.usefixtures("connected")
def test_five_failures_open_the_circuit(vendor: str) -> None:
    for _ in range(5):
        _fail(vendor)
    with pytest.raises(CircuitOpen), breaker(vendor, is_failure=lambda _: True):
        pytest.fail("the vendor was asked")


@pytest.mark.usefixtures("connected")
def test_a_success_in_between_starts_the_count_again(vendor: str) -> None:
    for _ in range(3):
        for _ in range(4):
            _fail(vendor)
        with breaker(vendor, is_failure=lambda _: True):
            pass


@pytest.mark.usefixtures("connected")
def test_an_error_of_our_own_does_not_count(vendor: str) -> None:
    for _ in range(9):
        with pytest.raises(KeyError), breaker(vendor, is_failure=lambda _: False):
            raise KeyError
    with breaker(vendor, is_failure=lambda _: True):
        pass


@pytest.mark.usefixtures("connected")
def test_one_single_probe_is_let_through_and_its_success_closes(
    vendor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resilience, "_OPEN_MS", 200)
    for _ in range(5):
        _fail(vendor)
    deadline = time.monotonic() + 10
    asked: list[int] = []
    let_through = 0

    def ask(number: int) -> bool:
        try:
            with breaker(vendor, is_failure=lambda _: True):
                asked.append(number)
                time.sleep(0.3)
        except CircuitOpen:
            return False
        return True

    while not asked and time.monotonic() < deadline:
        with ThreadPoolExecutor(8) as pool:
            let_through = sum(pool.map(ask, range(8)))
    assert (len(asked), let_through) == (1, 1)
    with breaker(vendor, is_failure=lambda _: True):
        pass


@pytest.mark.usefixtures("connected")
def test_a_probe_that_fails_opens_again(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resilience, "_OPEN_MS", 200)
    for _ in range(5):
        _fail(vendor)
    probed = False
    deadline = time.monotonic() + 10
    while not probed and time.monotonic() < deadline:
        try:
            _fail(vendor)
            probed = True
        except CircuitOpen:
            time.sleep(0.02)
    assert probed
    with pytest.raises(CircuitOpen), breaker(vendor, is_failure=lambda _: True):
        pass
