"""The machine goes down and comes up again: same data folder, nothing lost, nothing left behind."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

import pytest

from infra_cdk.local.stack import running
from infra_cdk.local.state import State
from infra_cdk.tests.polling import eventually
from infra_cdk.tests.stack import mails
from infra_cdk.tests.stack.books import balance, ledger
from infra_cdk.tests.stack.faults import GET, go_wrong, matched
from infra_cdk.tests.stack.host import all_ended, attached, hosted, members
from infra_cdk.tests.stack.hours import settle
from infra_cdk.tests.stack.start import MAILBOXES, hurry_queues, options
from infra_cdk.tests.stack.team import Post, Team, signed_up

pytest_plugins = ["infra_cdk.tests.stack.fixtures"]
pytestmark = pytest.mark.stack


def test_everything_is_killed_and_started_again(home: State) -> None:
    with ExitStack() as closing:
        with hosted(home) as host:
            team = closing.enter_context(signed_up(attached(home)))
            post = team.connect(MAILBOXES[0])
            everything = members(home)
            in_the_middle(team, post)
            host.kill()
            assert all_ended(home), "something outlives its supervisor"
            assert len(everything) > 6
        with running(home, options(again=True)) as stack:
            hurry_queues(stack)
            team = replace(team, stack=stack)
            assert {end for end, _ in ledger(team, post).values()} != {"stored"}
            post.receive(*mails.batch(5))
            settle(team)
            balance(team)
    assert all_ended(home), "something is left behind"


def in_the_middle(team: Team, post: Post) -> None:
    """Bring things to where some mails are stored, some fetched, and some on their way."""
    post.receive(*mails.batch(10))
    assert eventually(lambda: len(ledger(team, post)) == 10)
    go_wrong(post, {"kind": "latency", "seconds": 0.2, "path": GET})
    post.receive(*mails.batch(20))
    assert eventually(lambda: matched(post)[0] > 5)
