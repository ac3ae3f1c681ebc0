"""How often somebody may try: to sign in or up, to have a mail sent, to give a code.

Attempts are counted before they are made, and put back where they were good: so many at once are
not more than so many one after another. Three counts have to allow an attempt: that of the address
it comes from, that of the account, and that of both together, which is the narrowest. Accounts are
counted by what was typed, whether there is such an account or not, and a refused attempt costs
nothing, so nobody waits longer than for one attempt to come back.

Somebody who tries at an account from many addresses uses up its count for everybody, but not for
those who signed in to it from their address within a week: for them, their own count is enough.

The counts are in Valkey, or in Postgres where that does not answer. They know hashes only.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from ipaddress import ip_network
from math import ceil
from types import MappingProxyType
from typing import Literal, NamedTuple

from functions.auth.store import attempts
from shared import cache
from shared.errors import TooManyRequests
from shared.limits import Policy, spend_system
from shared.log import metrics

Kind = Literal["sign-up", "sign-in", "reset", "verify", "factor", "external"]


class Throttled(TooManyRequests):
    """Too many attempts; wait as Retry-After says."""


class Counts(NamedTuple):
    """What is allowed in an hour, and as much at once: by address and account, account, address."""

    pair: Policy
    account: Policy
    address: Policy


def _an_hour(pair: int, account: int, address: int) -> Counts:
    return Counts(
        Policy("pair", pair, 3600),
        Policy("account", account, 3600),
        Policy("address", address, 3600),
    )


ALLOWED: Mapping[Kind, Counts] = MappingProxyType(
    {
        # Whoever has signed up is counted, too: an office has many colleagues, a robot has more.
        "sign-up": _an_hour(10, 30, 300),
        "sign-in": _an_hour(10, 30, 120),
        "reset": _an_hour(4, 6, 30),
        "verify": _an_hour(4, 6, 30),
        "factor": _an_hour(6, 10, 60),
        # No account is known before the provider says which: it is the address that counts.
        "external": _an_hour(240, 240, 240),
    }
)
_KNOWN_S = 7 * 24 * 3600

_GIVE_BACK = """
local used = redis.call('GET', KEYS[1])
if used and ARGV[1] == 'all' then redis.call('DEL', KEYS[1]) end
if used and ARGV[1] ~= 'all' then
  redis.call('SET', KEYS[1], string.format('%.0f', used - ARGV[1]), 'KEEPTTL')
end
return 1
"""
_KNOW = "redis.call('SET', KEYS[1], 1, 'EX', ARGV[1]) return 1"
_IS_KNOWN = "return redis.call('EXISTS', KEYS[1])"


class Count(NamedTuple):
    """One of the counts, by the hash it is kept under."""

    policy: Policy
    key: bytes


class Attempt(NamedTuple):
    """An attempt that was counted."""

    pair: Count
    taken: tuple[Count, ...]


def throttle(kind: Kind, account: str, address: str | None) -> Attempt:
    """Count an attempt at an account, by its address in normal form or its id, from a client's
    address. Opens transactions of its own, so none may be open.

    Raises:
        Throttled: there have been too many. It was not counted, and must not be made.
    """
    pair, of_account, of_address = _counts(kind, account, address)
    known = cache.run_script(_IS_KNOWN, "throttle", _known(pair)) == 1
    taken: list[Count] = []
    wanted = (of_address, pair) if known else (of_address, pair, of_account)
    for count in wanted if address else wanted[1:]:  # API Gateway always knows an address
        wait_s = _take(count)
        if wait_s > 0:
            for one in taken:
                _give_back(one)
            metrics.add_metric(name="AttemptThrottled", unit="Count", value=1)
            raise Throttled(retry_after_s=ceil(wait_s))
        taken.append(count)
    return Attempt(pair, tuple(taken))


def forgive(attempt: Attempt) -> None:
    """After an attempt that was good: it does not count, and the client is known to the account."""
    for one in attempt.taken:
        _give_back(one, all_of_them=one == attempt.pair)
    cache.run_script(_KNOW, "throttle", _known(attempt.pair), _KNOWN_S)


def forget_account(*names: str) -> None:
    """Forget how often somebody tried at an account, by its address and its id. What is counted by
    address and account together has no name that could be found; it is over within a week.
    """
    for kind, allowed in ALLOWED.items():
        for name in names:
            _give_back(Count(allowed.account, _hash(kind, "account", name)), all_of_them=True)


def _counts(kind: Kind, account: str, address: str | None) -> tuple[Count, Count, Count]:
    allowed, place = ALLOWED[kind], _place(address)
    return (
        Count(allowed.pair, _hash(kind, "pair", account, place)),
        Count(allowed.account, _hash(kind, "account", account)),
        Count(allowed.address, _hash(kind, "address", place)),
    )


def _take(count: Count) -> float:
    """Seconds to wait for an attempt; 0 where one was taken."""
    budget = spend_system("throttle", count.key.hex(), count.policy)
    return attempts.take_attempt(count.key, count.policy) if budget is None else budget.wait_s


def _give_back(count: Count, *, all_of_them: bool = False) -> None:
    what = "all" if all_of_them else str(count.policy.interval_us)
    if cache.run_script(_GIVE_BACK, "throttle", count.key.hex(), what) is None:
        attempts.give_back(count.key, count.policy, all_of_them=all_of_them)


def _known(pair: Count) -> str:
    return f"known-{pair.key.hex()}"


def _place(address: str | None) -> str:
    """Of an IPv6 address the network: whoever has one address there has them all."""
    if address is None or ":" not in address:
        return address or ""
    return str(ip_network((address, 64), strict=False))


def _hash(*parts: str) -> bytes:
    return sha256("\0".join(parts).encode(errors="replace")).digest()
