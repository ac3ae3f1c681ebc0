"""Counting attempts in Postgres, where the cache does not answer."""

from __future__ import annotations

from shared.db import Tx, system_transaction
from shared.limits import Policy

_ACTOR = "system:auth"


def take_attempt(key: bytes, policy: Policy) -> float:
    """Take one of a key's attempts: 0 where there was one, else the seconds until there is."""
    with system_transaction(_ACTOR) as tx:
        wait_s = tx.one(
            float,
            """
            select app.take_attempt(%(key)s, make_interval(secs => %(every_s)s), %(at_once)s)
            """,
            key=key,
            every_s=policy.interval_us / 1_000_000,
            at_once=policy.quota,
        )
    assert wait_s is not None
    return wait_s


def give_back(key: bytes, policy: Policy, *, all_of_them: bool) -> None:
    """Put an attempt back that was none, or all of them."""
    with system_transaction(_ACTOR) as tx:
        tx.run(
            """
            update throttles
            set used_until = case when %(all)s then now()
                else used_until - make_interval(secs => %(every_s)s) end
            where key = %(key)s
            """,
            key=key,
            every_s=policy.interval_us / 1_000_000,
            all=all_of_them,
        )


def delete_attempts(tx: Tx) -> int:
    """Delete what says nothing any more."""
    return tx.run("delete from throttles where used_until < now() - interval '1 hour'")
