"""What arrives twice, late, or in the wrong order changes nothing."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from functions.email.models import FetchEmail, SyncMailbox
from infra_cdk.local.stack import Stack
from infra_cdk.tests.polling import eventually
from infra_cdk.tests.stack import mails, pushes
from infra_cdk.tests.stack.books import aws, balance, ledger, rows
from infra_cdk.tests.stack.faults import go_wrong
from infra_cdk.tests.stack.hours import settle
from infra_cdk.tests.stack.kills import Killer
from infra_cdk.tests.stack.logs import Logs
from infra_cdk.tests.stack.team import Post, Team

pytest_plugins = ["infra_cdk.tests.stack.fixtures"]
pytestmark = pytest.mark.stack

BUS = "haste"


def test_pushes_come_twice_late_in_any_order_and_as_numbers(
    team: Team, post: Post, killer: Killer, logs: Logs
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
    current = post.box.client.get("profile").json()["historyId"]
    handled = killer.invocations("email-sync")
    for history_id in (current, "1", int(current), "0", f"{current}0", 7, "not a number"):
        push = pushes.about(team.stack, post.address, history_id)
        assert pushes.send(team.stack, push).status_code == 204
    assert eventually(lambda: killer.invocations("email-sync") > handled)
    assert eventually(lambda: not waiting_on_queues(team.stack))
    assert state_of(team) == before
    assert logs.complaints() == []


@pytest.mark.parametrize("inbox", ["kept", "expired"])
def test_every_message_and_event_is_delivered_again(
    team: Team, post: Post, killer: Killer, logs: Logs, inbox: str
) -> None:
    post.receive(*mails.batch(12))
    settle(team)
    before = state_of(team)
    if inbox == "expired":  # as rows do after thirty days
        rows(team.stack, "delete from inbox where workspace_id = %(w)s", w=team.workspace_id)
    consumers = ("email-sync", "email-fetch", "ai-consumers", "automations-consumer")
    handled = {name: killer.invocations(name) for name in consumers}
    for _ in range(2):
        ask_for_everything_again(team, post)
        publish_everything_again(team)
    for name in consumers:
        assert eventually(lambda one=name: killer.invocations(one) > handled[one])
    assert eventually(lambda: not waiting_on_queues(team.stack), within_s=60)
    assert state_of(team) == before
    balance(team)
    assert logs.complaints() == []


def ask_for_everything_again(team: Team, post: Post) -> None:
    """Put on our own queues what was there before."""
    for provider_id in ledger(team, post):
        for listed in (False, True):
            message = FetchEmail(
                workspace_id=team.workspace_id,
                mailbox_id=post.id,
                provider_id=provider_id,
                listed=listed,
            )
            send(team.stack, "email-fetch", message.model_dump_json())
    message = SyncMailbox(address=post.address).model_dump_json()
    send(team.stack, "email-sync", message, MessageDeduplicationId=str(uuid4()))


def publish_everything_again(team: Team) -> None:
    """Put every event of the feed on the bus, the newest first, and on the queues behind it."""
    feed = rows(
        team.stack,
        """
        select type, payload || jsonb_build_object('position', position) as detail from event_log
        where workspace_id = %(workspace)s order by position desc
        """,
        workspace=team.workspace_id,
    )
    entries = [
        {
            "EventBusName": BUS,
            "Source": "haste.replay",
            "DetailType": event["type"],
            "Detail": json.dumps(event["detail"]),
        }
        for event in feed
    ]
    for start in range(0, len(entries), 10):
        answer = aws(team.stack, "events").put_events(Entries=entries[start : start + 10])
        assert answer["FailedEntryCount"] == 0
    for event in feed:
        body = json.dumps({"detail-type": event["type"], "detail": event["detail"]})
        for queue in ("ai-processing", "automations"):
            send(team.stack, queue, body)


def send(stack: Stack, queue: str, body: str, **options: str) -> None:
    url = stack.config.resources.queues[queue]
    aws(stack, "sqs").send_message(QueueUrl=url, MessageBody=body, MessageGroupId="x", **options)


def waiting_on_queues(stack: Stack) -> int:
    """How many messages are not handled yet."""
    counts = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    found = 0
    for name, url in stack.config.resources.queues.items():
        if not name.endswith("-dlq"):
            answer = aws(stack, "sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
            found += sum(int(answer["Attributes"][count]) for count in counts)
    return found


def state_of(team: Team) -> dict[str, Any]:
    """Everything the mail's way has written for the team."""
    (state,) = rows(
        team.stack,
        """
        select
            (select jsonb_agg(to_jsonb(t) order by provider_id) from mail_ledger t
                where workspace_id = %(workspace)s) as ledger,
            (select jsonb_agg(to_jsonb(t) order by id) from emails t
                where workspace_id = %(workspace)s) as emails,
            (select jsonb_agg(to_jsonb(t) order by id) from threads t
                where workspace_id = %(workspace)s) as threads,
            (select jsonb_agg(to_jsonb(t) order by email_id) from email_analyses t
                where workspace_id = %(workspace)s) as analyses,
            (select jsonb_agg(to_jsonb(t) order by email_id, place) from email_entities t
                where workspace_id = %(workspace)s) as entities,
            (select jsonb_agg(to_jsonb(t) order by id) from tasks t
                where workspace_id = %(workspace)s) as tasks,
            (select jsonb_agg(to_jsonb(t) order by id) from automation_runs t
                where workspace_id = %(workspace)s) as runs,
            (select jsonb_agg(to_jsonb(t) order by position) from event_log t
                where workspace_id = %(workspace)s) as feed
        """,
        workspace=team.workspace_id,
    )
    return state
