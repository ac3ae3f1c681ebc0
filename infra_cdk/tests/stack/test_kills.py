"""Any process may be killed at any moment: every mail is accounted for, every effect happens once.

Moments are made, not hit by chance: by slowing Gmail down, or by locks that a test holds.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from infra_cdk.local.google import mailbox as gmail
from infra_cdk.tests.polling import eventually
from infra_cdk.tests.stack import mails
from infra_cdk.tests.stack.books import balance, ledger, values
from infra_cdk.tests.stack.faults import GET, go_wrong, matched
from infra_cdk.tests.stack.hours import let_a_quarter_pass, let_pass, run_job, settle
from infra_cdk.tests.stack.kills import Killer, blocked_forgetting, blocked_writes, waiting
from infra_cdk.tests.stack.start import hurry_queues
from infra_cdk.tests.stack.team import Post, Team

pytest_plugins = ["infra_cdk.tests.stack.fixtures"]
pytestmark = pytest.mark.stack


def test_the_fetcher_is_killed_in_the_middle_of_a_batch(
    team: Team, post: Post, killer: Killer
) -> None:
    go_wrong(post, {"kind": "latency", "seconds": 0.15, "path": GET, "count": 18})
    post.receive(*mails.batch(25))
    for _ in range(2):
        before = matched(post)[0]
        assert eventually(lambda seen=before: matched(post)[0] > seen + 3)
        killer.function("email-fetch")
    assert {end for end, _ in ledger(team, post).values()} != {"stored"}
    settle(team)
    balance(team)


@pytest.mark.parametrize(
    ("function", "table"),
    [
        ("email-sync", "mail_ledger"),
        ("email-fetch", "emails"),
        ("ai-consumers", "email_analyses"),
        ("automations-consumer", "tasks"),
    ],
)
def test_a_function_is_killed_in_the_middle_of_a_transaction(
    team: Team, post: Post, killer: Killer, function: str, table: str
) -> None:
    with blocked_writes(team.stack, table):
        post.receive(*mails.batch(6))
        assert eventually(lambda: waiting(team.stack))
        killer.function(function)
    settle(team)
    balance(team)


def test_everybody_is_killed_between_publishing_and_forgetting(
    team: Team, post: Post, killer: Killer
) -> None:
    theirs = {"EmailReceived", "EmailAnalyzed", "AutomationRan"}
    with blocked_forgetting(team.stack):
        # All from buyers: whichever are fetched first, automations run on them.
        post.receive(*(mails.mail() for _ in range(4)))
        team.sync(post)  # the push may be waiting for a gateway that an earlier test killed
        # Others may wait besides, such as the sweep of a whole minute.
        assert eventually(
            lambda: set(left_behind(team)) >= theirs and waiting(team.stack, 3), within_s=90
        ), (left_behind(team), ledger(team, post))
        for function in ("email-fetch", "ai-consumers", "automations-consumer"):
            killer.function(function)
        assert set(left_behind(team)) >= theirs
    run_job(team.stack, "email-jobs", "release")
    with blocked_forgetting(team.stack), ThreadPoolExecutor() as pool:
        let_pass(team, 2)
        sweep = pool.submit(run_job, team.stack, "outbox-jobs", "sweep")
        assert eventually(lambda: waiting(team.stack))
        killer.function("outbox-jobs")
        sweep.result()
        assert set(left_behind(team)) >= theirs
    settle(team)
    balance(team)


@pytest.mark.parametrize("service", ["pollers", "postgres", "valkey", "ministack", "google"])
def test_a_service_is_killed_while_mails_are_fetched(
    team: Team, post: Post, killer: Killer, service: str
) -> None:
    go_wrong(post, {"kind": "latency", "seconds": 0.1, "path": GET, "count": 60})
    post.receive(*mails.batch(10))
    assert eventually(lambda: matched(post)[0] > 4)
    killer.service(service)
    killer.revived(service)
    if service == "ministack":
        hurry_queues(team.stack)
    post.receive(*mails.batch(5))
    let_a_quarter_pass(team)
    settle(team)
    balance(team)


def test_events_are_lost_with_the_queues_they_were_on(
    team: Team, post: Post, killer: Killer
) -> None:
    """As no real queue does, the stand-in for SQS forgets everything when it is killed."""
    with blocked_writes(team.stack, "email_analyses"):
        post.receive(*mails.batch(14))
        assert eventually(lambda: {end for end, _ in ledger(team, post).values()} == {"stored"})
        assert eventually(lambda: not left_behind(team))
        assert eventually(lambda: waiting(team.stack))
        killer.service("ministack")
        killer.function("ai-consumers")
    killer.revived("ministack")
    hurry_queues(team.stack)
    settle(team)
    balance(team)


def test_the_gateway_is_killed_while_pushes_arrive(team: Team, post: Post, killer: Killer) -> None:
    with ThreadPoolExecutor() as pool:
        arriving = pool.submit(post.receive, *mails.batch(30), at_once=1)
        for _ in range(2):
            assert eventually(
                lambda: killer.function_pid("email-webhook", at="gateway") is not None
            )
            killer.service("gateway")
            killer.revived("gateway")
        arriving.result()
    settle(team)
    balance(team)


def test_gmail_forgets_its_history_and_restarts(team: Team, post: Post, killer: Killer) -> None:
    post.receive(*mails.batch(10))
    settle(team)
    killer.service("emulate")
    killer.revived("emulate")
    assert eventually(lambda: bool(gmail.list_ids(post.box)))
    post.receive(*mails.batch(5))
    settle(team)
    balance(team)


def left_behind(team: Team) -> list[str]:
    """The types of the events in the outbox."""
    return values(
        team.stack,
        """
        select l.type from outbox o
        join event_log l on l.workspace_id = o.workspace_id and l.id = o.event_id
        where o.workspace_id = %(workspace)s
        """,
        workspace=team.workspace_id,
    )
