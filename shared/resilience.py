"""A circuit breaker that every function shares, for vendors that fail.

After five failures within 30 s calls are refused for 60 s; then one single call may try, and its
outcome closes the circuit or opens it again. The state is in Valkey, where two Lua scripts keep it
right under concurrency; without Valkey every call is let through.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from shared import cache
from shared.errors import Unavailable

_FAILURES = 5
_WINDOW_MS = 30_000
_OPEN_MS = 60_000
_PROBE_MS = 35_000
"""How long a probe may take before another one is let through: a timeout and a little."""

_BEFORE = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local state = redis.call('HMGET', KEYS[1], 'opened', 'probe')
local opened, probe = tonumber(state[1] or 0), tonumber(state[2] or 0)
if opened == 0 then return 'closed' end
if opened + tonumber(ARGV[1]) > now or probe > now then return 'open' end
redis.call('HSET', KEYS[1], 'probe', now + tonumber(ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[1] + ARGV[2] * 10)
return 'probe'
"""

_AFTER = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local opened = tonumber(redis.call('HGET', KEYS[1], 'opened') or 0)
if ARGV[1] == 'ok' then
  if opened == 0 or ARGV[2] == 'probe' then redis.call('DEL', KEYS[1]) end
  return
end
if ARGV[2] == 'probe' then
  redis.call('HSET', KEYS[1], 'opened', now, 'probe', 0)
  redis.call('PEXPIRE', KEYS[1], ARGV[5] * 10)
  return
end
if opened > 0 then return end
local failures = redis.call('HINCRBY', KEYS[1], 'failures', 1)
if failures == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
if failures >= tonumber(ARGV[3]) then
  redis.call('HSET', KEYS[1], 'opened', now, 'probe', 0)
  redis.call('PEXPIRE', KEYS[1], ARGV[5] * 10)
end
"""


class CircuitOpen(Unavailable):
    """A service this needs has failed several times; it is left alone for a minute."""


@contextmanager
def breaker(vendor: str, *, is_failure: Callable[[Exception], bool]) -> Generator[None]:
    """Run the block unless the vendor's circuit is open, and count how it went.

    `is_failure` tells the vendor's failures (timeouts, 5xx) from answers we deserved (400, 404).

    Raises:
        CircuitOpen: the vendor is being left alone.
    """
    answer = cache.run_script(_BEFORE, "breaker", vendor, _OPEN_MS, _PROBE_MS)
    state = answer.decode() if isinstance(answer, bytes) else "closed"
    if state == "open":
        raise CircuitOpen(f"{vendor} has failed several times; it is left alone for a minute.")
    try:
        yield
    except Exception as error:
        _count(vendor, "failed" if is_failure(error) else "ok", state)
        raise
    _count(vendor, "ok", state)


def _count(vendor: str, outcome: str, state: str) -> None:
    cache.run_script(_AFTER, "breaker", vendor, outcome, state, _FAILURES, _WINDOW_MS, _OPEN_MS)
