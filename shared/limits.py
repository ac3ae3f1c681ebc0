"""How often something may happen: GCRA, in one Lua script on Valkey.

A policy allows its quota at once, and then as much as its rate brings back: in any stretch of time,
the quota and rate x time, however many processes ask. What is stored is one number a key, the time
at which all would be back (the theoretical arrival time of
https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm), in whole microseconds of the cache's own
clock, so the functions' clocks do not matter. What is not allowed costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared import cache
from shared.cache import SystemName
from shared.settings import setting

_CLOCK = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
"""

GCRA = """
local cost, full, waits, refused = tonumber(ARGV[1]), {}, {}, false
for n, key in ipairs(KEYS) do
  local interval, quota = tonumber(ARGV[2 * n]), tonumber(ARGV[2 * n + 1])
  full[n] = math.max(tonumber(redis.call('GET', key) or now), now)
  full[n] = math.min(full[n], now + quota * interval)
  waits[n] = math.max(full[n] + (cost - quota) * interval - now, 0)
  refused = refused or waits[n] > 0
end
local answer = {}
for n, key in ipairs(KEYS) do
  local interval, quota = tonumber(ARGV[2 * n]), tonumber(ARGV[2 * n + 1])
  if cost > 0 and not refused then
    full[n] = full[n] + cost * interval
    local ttl = math.ceil((full[n] - now) / 1000) + 60000
    redis.call('SET', key, string.format('%.0f', full[n]), 'PX', ttl)
  end
  local room = now + quota * interval - full[n]
  local left = math.floor(room / interval)
  table.insert(answer, left)
  table.insert(answer, left < quota and (left + 1) * interval - room or 0)
  table.insert(answer, waits[n])
end
return answer
"""
"""Takes `now`, and by key an interval and a quota; answers by key what is left, when one more will
be, and how long to wait for what was refused. Nothing is taken from any key if one refuses.

The end of the key's life is a minute late, so that it is never what lets somebody through; the cap
is for a clock that was put back, or a quota that was lowered: nobody waits longer than the window.
"""


@dataclass(frozen=True, slots=True)
class Policy:
    """At most `quota` at once, and over time `quota` in `window_s` seconds.

    Raises:
        ValueError: one of them is not positive.
    """

    name: str
    quota: int
    window_s: int

    def __post_init__(self) -> None:
        if self.quota < 1 or self.window_s < 1:
            raise ValueError(f"{self.name}: quota and window must be positive")

    @property
    def interval_us(self) -> int:
        """Microseconds that bring one back, rounded up: never faster than the rate."""
        return -(-self.window_s * 1_000_000 // self.quota)


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left under a policy: `remaining`, and not more within `fixed_s` seconds (0 if that is
    all there is). `wait_s` is how long to wait for what was asked and not allowed, else 0.
    """

    policy: Policy
    remaining: int
    fixed_s: int
    wait_s: int


def spend(
    workspace_id: UUID, keys: Sequence[tuple[Policy, str]], cost: int = 1
) -> tuple[Budget, ...] | None:
    """Take `cost` from all of a workspace's keys, or from none if one of them does not allow it,
    in one round trip; 0 only looks. None where there is no cache, or it does not answer.

    Raises:
        ValueError: the cost is negative, or more than a quota, so that no wait would do.
    """
    policies = [policy for policy, _ in keys]
    names = [name for _, name in keys]
    if not setting("CACHE_URL", ""):
        return None
    answer = cache.run_workspace_script(
        _CLOCK + GCRA, workspace_id, "limit", names, *_arguments(policies, cost)
    )
    return None if answer is None else _budgets(policies, answer)


def spend_system(name: SystemName, identifier: str, policy: Policy, cost: int = 1) -> Budget | None:
    """The same for one key that belongs to no workspace, such as an address that signs in."""
    arguments = _arguments([policy], cost)
    answer = cache.run_script(_CLOCK + GCRA, name, identifier, *arguments)
    return None if answer is None else _budgets([policy], answer)[0]


def _arguments(policies: Sequence[Policy], cost: int) -> list[int]:
    if not 0 <= cost <= min(policy.quota for policy in policies):
        raise ValueError(f"no policy here ever allows {cost}")
    return [cost, *(n for policy in policies for n in (policy.interval_us, policy.quota))]


def _budgets(policies: Sequence[Policy], answer: Sequence[Any]) -> tuple[Budget, ...]:
    """The script's answer, three numbers a policy, in whole seconds rounded up."""
    return tuple(
        Budget(policy, int(answer[n]), _seconds(answer[n + 1]), _seconds(answer[n + 2]))
        for n, policy in zip(range(0, len(answer), 3), policies, strict=True)
    )


def _seconds(microseconds: Any) -> int:
    return -(-int(microseconds) // 1_000_000)
