"""GCRA on a real Valkey in cluster mode: what it lets through, whoever asks and however often."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared import cache
from shared.limits import GCRA, Budget, Policy, spend, spend_system

FEW = Policy("few", 3, 3600)
MANY = Policy("many", 100, 360_000)


@pytest.fixture(autouse=True)
def _connected(valkey: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HASTE_CACHE_URL", valkey.url)


def _spent(workspace_id: UUID, *policies: Policy, cost: int = 1) -> tuple[Budget, ...]:
    budgets = spend(workspace_id, [(policy, policy.name) for policy in policies], cost)
    assert budgets is not None
    return budgets


def _at(now_us: int, workspace_id: UUID, policies: list[Policy], cost: int) -> list[int]:
    """The script, with a clock of the test's own; three numbers by policy."""
    numbers = [n for policy in policies for n in (policy.interval_us, policy.quota)]
    return cache.run_workspace_script(
        "local now = tonumber(ARGV[#ARGV])\n" + GCRA,
        workspace_id,
        "limit",
        [policy.name for policy in policies],
        *(cost, *numbers, now_us),
    )


class _Bucket:
    """The same rule told otherwise: a bucket that fills with time."""

    def __init__(self, policy: Policy, now_us: int) -> None:
        self.interval, self.size = policy.interval_us, policy.quota * policy.interval_us
        self.content, self.at = self.size, now_us

    def fill(self, now_us: int) -> None:
        self.content = min(self.size, self.content + now_us - self.at)
        self.at = now_us

    def lacks(self, cost: int) -> int:
        return max(cost * self.interval - self.content, 0)


_POLICIES = st.builds(
    Policy, st.just("a"), st.integers(1, 40), st.integers(1, 30) | st.just(86_400)
)
_GAPS_US = st.sampled_from([0, 1, 999]) | st.integers(0, 2_000_000) | st.integers(0, 90_000_000)
_ARRIVALS = st.lists(st.tuples(_GAPS_US, st.integers(0, 3)), min_size=1, max_size=60)
_START_US = 1_800_000_000_000_000


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(_POLICIES, _POLICIES, _ARRIVALS)
def test_never_more_than_the_burst_and_rate_times_time(
    first: Policy, second: Policy, arrivals: list[tuple[int, int]]
) -> None:
    policies = [first, Policy("b", second.quota, second.window_s)]
    buckets = [_Bucket(policy, _START_US) for policy in policies]
    workspace_id, now = uuid4(), _START_US
    admitted: list[tuple[int, int]] = []
    for gap, wanted in arrivals:
        now, cost = now + gap, min(wanted, *(policy.quota for policy in policies))
        for bucket in buckets:
            bucket.fill(now)
        answer = _at(now, workspace_id, policies, cost)
        lacking = [bucket.lacks(cost) for bucket in buckets]
        assert answer[2::3] == lacking, "how long to wait"
        if not any(lacking):
            admitted.append((now, cost))
            for bucket in buckets:
                bucket.content -= cost * bucket.interval
        assert answer[0::3] == [bucket.content // bucket.interval for bucket in buckets]
    for policy in policies:
        rate = Fraction(policy.quota, policy.window_s * 1_000_000)
        for n, (begin, _) in enumerate(admitted):
            total = 0
            for end, cost in admitted[n:]:
                total += cost
                assert total <= policy.quota + rate * (end - begin)


def test_many_processes_at_once_get_no_more_than_one_would() -> None:
    policy, workspace_id = Policy("shared", 40, 2), uuid4()
    began = time.monotonic()
    hammers = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", _HAMMER, str(workspace_id)],
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
        )
        for _ in range(4)
    ]

    def ask(_: int) -> bool:
        return _spent(workspace_id, policy)[0].wait_s == 0

    with ThreadPoolExecutor() as pool:
        here = list(pool.map(ask, range(600)))
    there = [int(hammer.communicate(timeout=60)[0]) for hammer in hammers]
    took_s = time.monotonic() - began
    admitted = sum(here) + sum(there)
    assert policy.quota <= admitted <= policy.quota + policy.quota / policy.window_s * took_s
    assert all(there), "they ran one after the other"


_HAMMER = """
import sys
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID
from shared.limits import Policy, spend

policy, workspace_id = Policy("shared", 40, 2), UUID(sys.argv[1])

def ask(_):
    [budget] = spend(workspace_id, [(policy, policy.name)])
    return budget.wait_s == 0

admitted = 0
while not admitted:  # who is late finds nothing left, for a moment
    with ThreadPoolExecutor(4) as pool:
        admitted = sum(pool.map(ask, range(600)))
print(admitted)
"""


def test_what_one_policy_refuses_is_taken_from_none() -> None:
    workspace_id = uuid4()
    for left in (2, 1, 0):
        few, many = _spent(workspace_id, FEW, MANY)
        assert (few.remaining, many.remaining) == (left, 97 + left)
        assert (few.wait_s, many.wait_s) == (0, 0)
    few, many = _spent(workspace_id, FEW, MANY)
    assert (few.remaining, many.remaining) == (0, 97)
    assert 1100 < few.wait_s <= 1200
    assert few.fixed_s == few.wait_s, "nothing more until then"
    assert many.wait_s == 0


def test_a_workspace_does_not_spend_anothers() -> None:
    mine, theirs = uuid4(), uuid4()
    for _ in range(4):
        _spent(mine, FEW)
    assert _spent(mine, FEW)[0].wait_s
    assert _spent(theirs, FEW)[0] == Budget(FEW, 2, 1200, 0)


def test_looking_takes_nothing() -> None:
    workspace_id = uuid4()
    for _ in range(2):
        assert _spent(workspace_id, FEW, MANY, cost=0) == (
            Budget(FEW, 3, 0, 0),
            Budget(MANY, 100, 0, 0),
        )
    assert cache.connected().exists(f"crm:{{{workspace_id}}}:limit:few") == 0


def test_more_than_the_quota_is_never_allowed_and_said_so() -> None:
    for cost in (-1, 4):
        with pytest.raises(ValueError, match="ever allows"):
            spend(uuid4(), [(FEW, "few"), (MANY, "many")], cost)
    for wrong in ((0, 1), (1, 0)):
        with pytest.raises(ValueError, match="positive"):
            Policy("wrong", *wrong)


def test_a_clock_put_back_or_a_quota_lowered_makes_nobody_wait_for_long() -> None:
    workspace_id, a_day = uuid4(), 86_400_000_000
    for _ in range(3):
        _at(_START_US + a_day, workspace_id, [FEW], 1)
    assert _at(_START_US, workspace_id, [FEW], 1) == [0, 1_200_000_000, 1_200_000_000]
    strict = Policy("few", 3, 6)
    assert _at(_START_US, workspace_id, [strict], 1) == [0, 2_000_000, 2_000_000]


def _calls(client: Any) -> Counter[str]:
    """How often each command was called so far."""
    found: dict[str, Any] = client.info("commandstats", target_nodes="primaries")
    return Counter({name.removeprefix("cmdstat_"): one["calls"] for name, one in found.items()})


def test_it_is_one_round_trip_and_every_key_has_an_end() -> None:
    workspace_id = uuid4()
    _spent(workspace_id, FEW, MANY)
    client: Any = cache.connected()
    before = _calls(client)
    _spent(workspace_id, FEW, MANY)
    assert _calls(client) - before == Counter(
        {"eval": 1, "info": 1, "time": 1, "get": 2, "set": 2, "ttl": 2}
    ), "all but eval and info are the script's"
    for name in ("few", "many"):
        assert 0 < client.ttl(f"crm:{{{workspace_id}}}:limit:{name}") <= 2 * 3600 + 60


def test_what_belongs_to_no_workspace_is_limited_alike() -> None:
    address = f"192.0.2.{uuid4().int % 256}-{uuid4()}"
    found = [spend_system("throttle", address, FEW) for _ in range(4)]
    assert [one and one.wait_s > 0 for one in found] == [False, False, False, True]
    assert 0 < cache.connected().ttl(f"sys:throttle:{address}") <= 3600 + 60


def test_without_a_cache_nobody_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HASTE_CACHE_URL", "redis://127.0.0.1:1")
    assert spend(uuid4(), [(FEW, "few")]) is None
    assert spend_system("throttle", "a", FEW) is None
    monkeypatch.delenv("HASTE_CACHE_URL")
    assert spend(uuid4(), [(FEW, "few")]) is None
