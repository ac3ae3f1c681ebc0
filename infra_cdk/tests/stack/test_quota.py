"""Gmail's quota: never more than a mailbox may ask, at most half of it for old mail."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from infra_cdk.local.google import mailbox as gmail
from infra_cdk.tests.polling import eventually
from infra_cdk.tests.stack import mails
from infra_cdk.tests.stack.books import balance, ledger, rows
from infra_cdk.tests.stack.faults import GET, LIST, go_wrong, injected, matched, recover, set_faults
from infra_cdk.tests.stack.hours import forget_accesses, let_pass, run_job, settle
from infra_cdk.tests.stack.team import Post, Team

pytest_plugins = ["infra_cdk.tests.stack.fixtures"]
pytestmark = pytest.mark.stack

UNITS_PER_MINUTE = 200
GETS_A_MINUTE = UNITS_PER_MINUTE // 20


def test_a_minute_is_never_overspent_and_old_mail_gets_at_most_half(
    team: Team, address: Callable[[], str]
) -> None:
    post = resting(team, address())
    old_mails = gmail.list_ids(post.box)
    assert team.change(post, units_per_minute=UNITS_PER_MINUTE).status_code == 200
    began = time.monotonic()
    recover(post)
    go_wrong(post, {"kind": "latency", "seconds": 0, "path": GET})
    let_pass(team, 61)
    run_job(team.stack, "email-jobs", "poll")
    assert eventually(lambda: len(ledger(team, post)) == 24)
    for minutes in range(4):
        allowed = GETS_A_MINUTE * (1 + minutes + (time.monotonic() - began) / 60)
        release(team, post)
        old, new = asked_for(team, post)
        assert matched(post)[0] == old + new <= allowed + 0.5, "more than the quota"
        assert old <= GETS_A_MINUTE / 2 * (1 + minutes + (time.monotonic() - began) / 60) + 0.5
        if minutes == 0:
            assert old == GETS_A_MINUTE // 2, "old mail did not get its half"
            post.receive(*mails.batch(10))
            assert eventually(lambda: len(ledger(team, post)) == 34)
            release(team, post)
            assert asked_for(team, post)[1] >= GETS_A_MINUTE // 2, "new mail did not get the rest"
        let_pass(team, 1)
    settle(team)
    balance(team, old=old_mails)


def test_nothing_is_asked_while_gmail_wants_a_pause(team: Team, post: Post) -> None:
    pause = {"kind": "status", "status": 429, "retry_after": 3600, "path": GET, "count": 1}
    go_wrong(post, pause, {"kind": "latency", "seconds": 0, "path": "/messages/[^/?]+|history"})
    post.receive(*mails.batch(12))
    assert eventually(lambda: injected(post)[0] == 1)
    assert eventually(lambda: set(ledger(team, post).values()) == {("retrying", "throttled")})
    assert team.get(f"mailboxes/{post.id}")["throttled_until"] is not None
    asked = matched(post)[1]
    post.receive(*mails.batch(3))
    for _ in range(3):
        let_pass(team, 15)
        for job in ("release", "poll"):
            run_job(team.stack, "email-jobs", job)
    assert matched(post)[1] == asked
    let_pass(team, 16)
    forget_accesses(team.stack)
    settle(team)
    balance(team)


def resting(team: Team, address: str) -> Post:
    """A mailbox with 24 old mails whose first listing Gmail has put off for an hour."""
    there = team.at_gmail(address)
    gmail.insert_many(there, (mails.mail(old=True) for _ in range(24)))
    wait = {"kind": "status", "status": 429, "retry_after": 3600, "path": LIST}
    set_faults(team.stack.google_url, {**wait, "mailbox": address})
    post = team.connect(address, listed=False)
    assert eventually(lambda: team.get(f"mailboxes/{post.id}")["throttled_until"] is not None)
    return post


def release(team: Team, post: Post) -> None:
    """Release what may be, and wait until it is fetched."""
    run_job(team.stack, "email-jobs", "release")
    assert eventually(lambda: "queued" not in {end for end, _ in ledger(team, post).values()})


def asked_for(team: Team, post: Post) -> tuple[int, int]:
    """Mails that are no longer pending: old, new."""
    (counted,) = rows(
        team.stack,
        """
        select count(*) filter (where listed) as old, count(*) filter (where not listed) as new
        from mail_ledger
        where workspace_id = %(workspace)s and mailbox_id = %(mailbox)s and state <> 'pending'
        """,
        workspace=team.workspace_id,
        mailbox=post.id,
    )
    return counted["old"], counted["new"]
