"""Sending: what receivers get, and what follows from how they answer."""

from __future__ import annotations

import threading
from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest

from functions.webhooks import commands, outcomes
from functions.webhooks.consumers import sends
from functions.webhooks.models import Attempt, DueEndpoint
from functions.webhooks.tests.conftest import Hooks
from functions.webhooks.tests.receiver import Answer, Received, Receiver, speaking
from functions.webhooks.tests.test_api import created
from infra_cdk.tests.polling import eventually
from shared.aws import client
from shared.db import transaction
from shared.testing import Database, EventsOf, Workspace

HOURS = 3600
TABLE = [5, 300, 1800, *(hours * HOURS for hours in (2, 5, 10, 14, 20, 24))]


def _wait(delivery: dict[str, Any]) -> float:
    """Seconds from the last attempt to the next."""
    ended = datetime.fromisoformat(delivery["log"][-1]["at"])
    return (datetime.fromisoformat(delivery["due_at"]) - ended).total_seconds()


def _fail_until_given_up(hooks: Hooks, endpoint: dict[str, Any]) -> list[float]:
    """The waits between the attempts."""
    waits: list[float] = []
    while True:
        hooks.send(endpoint)
        delivery = hooks.delivery(endpoint)
        if delivery["state"] != "pending":
            return waits
        waits.append(_wait(delivery))
        hooks.pass_time(seconds=waits[-1] + 1)


def test_attempts_follow_the_specifications_table(
    hooks: Hooks, receiver: Receiver, workspace: Workspace
) -> None:
    endpoint = hooks.create(receiver)
    hooks.happen(created(workspace))
    receiver.answer(500)
    waits = _fail_until_given_up(hooks, endpoint)
    assert len(waits) == len(TABLE)
    for waited, expected in zip(waits, TABLE, strict=True):
        assert expected <= waited <= expected * 1.2 + 30
    assert len(receiver.received) == 10
    assert len({(one.id, one.body) for one in receiver.received}) == 1, "byte for byte the same"
    assert all(one.is_signed_with(endpoint["secret"]) for one in receiver.received)
    times = [int(one.headers["webhook-timestamp"]) for one in receiver.received]
    assert all(earlier <= later for earlier, later in pairwise(times))
    delivery = hooks.delivery(endpoint)
    assert (delivery["state"], delivery["reason"]) == ("failed", "status_500")
    assert (delivery["attempts"], len(delivery["log"])) == (10, 10)
    assert hooks.endpoint(endpoint)["enabled"], "it has failed for three days, not five"


def test_what_fails_for_five_days_is_disabled(
    hooks: Hooks, receiver: Receiver, workspace: Workspace, events_of: EventsOf
) -> None:
    endpoint = hooks.create(receiver)
    receiver.answer(500)
    hooks.happen(created(workspace))
    hooks.send(endpoint)
    assert hooks.endpoint(endpoint)["failing_since"]
    hooks.pass_time(days=2)
    hooks.database.admin(
        "delete from webhook_deliveries where workspace_id = %(w)s", w=workspace.id
    )
    hooks.happen(created(workspace))
    _fail_until_given_up(hooks, endpoint)
    after = hooks.endpoint(endpoint)
    assert (after["enabled"], after["disabled_reason"], after["version"]) == (False, "failing", 2)
    event = events_of(workspace)[-1]
    assert event["type"] == "WebhookEndpointDisabled"
    expected = {"host": "127.0.0.1", "reason": "failing", "actor": "system:webhooks"}
    assert event["payload"].items() >= expected.items()
    again = {"enabled": True}
    enabled = hooks.ask("PATCH", f"/{endpoint['id']}", again, headers={"If-Match": '"2"'})
    assert (enabled.json["disabled_reason"], enabled.json["failing_since"]) == (None, None)


def test_one_success_ends_the_failing(
    hooks: Hooks, receiver: Receiver, workspace: Workspace
) -> None:
    endpoint = hooks.create(receiver)
    receiver.answer(500)
    hooks.happen(created(workspace))
    hooks.send(endpoint)
    receiver.answer(204)
    hooks.happen(created(workspace))
    hooks.send(endpoint)
    assert hooks.endpoint(endpoint)["failing_since"] is None
    states = sorted(one["state"] for one in hooks.deliveries(endpoint))
    assert states == ["delivered", "pending"]


def test_who_is_gone_is_disabled_at_once(
    hooks: Hooks, receiver: Receiver, workspace: Workspace, events_of: EventsOf
) -> None:
    endpoint = hooks.create(receiver)
    receiver.answer(410)
    hooks.happen(created(workspace))
    hooks.send(endpoint)
    after = hooks.endpoint(endpoint)
    assert (after["enabled"], after["disabled_reason"]) == (False, "gone")
    delivery = hooks.delivery(endpoint)
    assert (delivery["state"], delivery["reason"]) == ("failed", "status_410")
    assert [one["payload"]["reason"] for one in events_of(workspace)[1:]] == ["gone"]
    hooks.happen(created(workspace))
    assert len(hooks.deliveries(endpoint)) == 1


def test_what_had_not_begun_when_somebody_was_gone_waits(
    hooks: Hooks, receiver: Receiver, workspace: Workspace
) -> None:
    endpoint = hooks.create(receiver)

    def gone_at_first(request: Received) -> Answer:
        if request is receiver.received[0]:
            return Answer(410)
        eventually(lambda: not hooks.row(endpoint)["enabled"])
        return Answer()

    receiver.behave = gone_at_first
    hooks.happen(*[created(workspace) for _ in range(24)])
    hooks.send(endpoint)
    asked = len(receiver.received)
    assert asked <= 11, "ten at once, and one more while the first was written down"
    waiting = [one for one in hooks.deliveries(endpoint) if one["state"] == "pending"]
    assert len(waiting) == 24 - asked
    assert {one["attempts"] for one in waiting} == {0}
    receiver.answer(204)
    hooks.send(endpoint)
    assert len(receiver.received) == asked
    hooks.woken()
    hooks.ask("PATCH", f"/{endpoint['id']}", {"enabled": True}, headers={"If-Match": "*"})
    assert hooks.woken() == [endpoint["id"]]
    hooks.pass_time(seconds=1)
    hooks.send(endpoint)
    assert len(receiver.received) == 24


@pytest.mark.parametrize("status", [301, 307])
def test_a_redirect_is_a_failure(
    hooks: Hooks, receiver: Receiver, workspace: Workspace, status: int
) -> None:
    endpoint = hooks.create(receiver)
    receiver.answer(status, Location=f"{receiver.url}/elsewhere")
    hooks.happen(created(workspace))
    hooks.send(endpoint)
    delivery = hooks.delivery(endpoint)
    assert (delivery["state"], delivery["reason"]) == ("pending", "redirect")
    assert (delivery["log"][0]["status"], delivery["log"][0]["error"]) == (status, "redirect")
    assert [one.path for one in receiver.received] == ["/hook"]


def test_answers_that_do_not_come(
    hooks: Hooks, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HASTE_WEBHOOK_TIMEOUT_SECONDS", "0.3")
    ended = threading.Event()
    with speaking([]) as closing, speaking([], then_wait=ended) as slow, speaking([]) as dead:
        reasons = [(closing, "protocol: "), (slow, "timeout")]
        endpoints = [hooks.create(f"http://127.0.0.1:{port}/") for port in (closing, slow, dead)]
        hooks.happen(created(workspace))
        for endpoint in endpoints[:2]:
            hooks.send(endpoint)
        ended.set()
    hooks.send(endpoints[2])
    for endpoint, (_, reason) in zip(endpoints, [*reasons, (dead, "connection")], strict=True):
        delivery = hooks.delivery(endpoint)
        assert delivery["state"] == "pending"
        assert delivery["reason"].startswith(reason)
        assert delivery["log"][0]["status"] is None


def test_huge_answers_are_cut(hooks: Hooks, receiver: Receiver, workspace: Workspace) -> None:
    endpoint = hooks.create(receiver)
    receiver.answer(200, b"x" * 3_000_000)
    hooks.happen(created(workspace))
    hooks.send(endpoint)
    [attempt] = hooks.delivery(endpoint)["log"]
    assert attempt["response"] == "x" * 1024


@pytest.mark.parametrize(
    ("status", "headers", "least", "most"),
    [
        (429, {"Retry_After": "120"}, 120, 150),
        (503, {"Retry_After": "120"}, 120, 150),
        (429, {"Retry_After": "864000"}, HOURS, HOURS + 30),
        (429, {}, 60, 90),
    ],
)
def test_a_receiver_that_wants_a_pause_gets_it(
    hooks: Hooks, receiver: Receiver, workspace: Workspace, status: int, headers: dict[str, str],
    least: int, most: int,
) -> None:  # fmt: skip
    endpoint = hooks.create(receiver)
    receiver.answer(status, b"", **headers)
    hooks.happen(created(workspace))
    hooks.send(endpoint)
    assert least <= _wait(hooks.delivery(endpoint)) <= most
    receiver.answer(204)
    hooks.happen(created(workspace))
    hooks.send(endpoint)
    hooks.woken()
    hooks.tick("dispatch")
    assert (len(receiver.received), hooks.woken()) == (1, []), "not even something else is sent"
    hooks.pass_time(seconds=most)
    hooks.tick("dispatch")
    assert hooks.woken() == [endpoint["id"]]
    hooks.send(endpoint)
    assert len(receiver.received) == 3
    assert {one["state"] for one in hooks.deliveries(endpoint)} == {"delivered"}


def test_without_retry_after_an_overloaded_receiver_is_tried_as_the_table_says(
    hooks: Hooks, receiver: Receiver, workspace: Workspace
) -> None:
    endpoint = hooks.create(receiver)
    receiver.answer(503)
    hooks.happen(created(workspace))
    hooks.send(endpoint)
    assert _wait(hooks.delivery(endpoint)) < 60


def test_during_a_rotation_both_secrets_sign(
    hooks: Hooks, receiver: Receiver, workspace: Workspace
) -> None:
    endpoint = hooks.create(receiver)
    answer = hooks.ask("POST", f"/{endpoint['id']}/rotate-secret")
    old, new = endpoint["secret"], answer.json["secret"]
    assert old != new
    assert answer.json["previous_secret_until"] is not None
    hooks.happen(created(workspace))
    hooks.send(endpoint)
    hooks.pass_time(hours=24, seconds=1)
    assert hooks.endpoint(endpoint)["previous_secret_until"] is None
    hooks.happen(created(workspace))
    hooks.send(endpoint)
    during, after = receiver.received
    assert during.headers["webhook-signature"].count("v1,") == 2
    assert during.is_signed_with(old)
    assert during.is_signed_with(new)
    assert after.headers["webhook-signature"].count("v1,") == 1
    assert after.is_signed_with(new)
    assert not after.is_signed_with(old)


def test_an_endpoint_whose_url_is_no_longer_allowed_is_not_called(
    hooks: Hooks, receiver: Receiver, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = hooks.create(receiver)
    hooks.happen(created(workspace))
    monkeypatch.delenv("HASTE_WEBHOOK_ALLOW")
    hooks.send(endpoint)
    assert receiver.received == []
    assert hooks.delivery(endpoint)["reason"] == "invalid_url: expected https://"


def test_nothing_is_sent_to_who_is_deleted_or_disabled(
    hooks: Hooks, receiver: Receiver, workspace: Workspace
) -> None:
    deleted, disabled = hooks.create(receiver), hooks.create(receiver)
    hooks.happen(created(workspace))
    hooks.ask("DELETE", f"/{deleted['id']}")
    hooks.ask("PATCH", f"/{disabled['id']}", {"enabled": False}, headers={"If-Match": "*"})
    hooks.send(deleted)
    hooks.send(disabled)
    assert receiver.received == []
    assert hooks.delivery(disabled)["state"] == "pending"


def test_a_secret_that_does_not_open_sends_nothing(
    hooks: Hooks, receiver: Receiver, workspace: Workspace, database: Database
) -> None:
    endpoint = hooks.create(receiver)
    hooks.happen(created(workspace))
    database.admin(
        "update webhook_endpoints set secret = 'x' where id = %(id)s::uuid", id=endpoint["id"]
    )
    message = DueEndpoint(workspace_id=workspace.id, endpoint_id=endpoint["id"])
    assert hooks.deliver(sends.handler, message) == ["0"]
    assert receiver.received == []


# How much at once


def test_a_burst_is_taken_at_25_a_second(hooks: Hooks, workspace: Workspace) -> None:
    endpoint = hooks.create("https://hooks.example.com/")
    hooks.happen(*[created(workspace) for _ in range(60)])
    hooks.as_role("crm_worker")
    holder, endpoint_id = (
        uuid4(),
        DueEndpoint(workspace_id=workspace.id, endpoint_id=endpoint["id"]).endpoint_id,
    )

    def take() -> int:
        with transaction(workspace.id) as tx:
            taken = commands.take(tx, endpoint_id, holder)
        assert taken is not None
        return len(taken[1])

    assert take() == 25
    hooks.database.admin(
        "update webhook_endpoints set tokens = 0, tokens_at = now() + interval '1 minute'"
        " where id = %(id)s", id=endpoint_id,
    )  # fmt: skip
    assert take() == 0
    hooks.pass_time(minutes=1, milliseconds=200)
    assert 5 <= take() <= 25
    hooks.database.admin(
        "update webhook_endpoints set tokens_at = 'epoch' where id = %(id)s", id=endpoint_id
    )
    assert take() <= 25


def test_a_sender_goes_on_while_it_may(
    hooks: Hooks, receiver: Receiver, workspace: Workspace
) -> None:
    endpoint = hooks.create(receiver)
    hooks.happen(*[created(workspace) for _ in range(70)])
    while any(one["state"] == "pending" for one in hooks.deliveries(endpoint)):
        before = len(receiver.received)
        hooks.pass_time(seconds=1)
        hooks.send(endpoint)
        assert len(receiver.received) > before
    assert len(receiver.received) == len({one.id for one in receiver.received}) == 70


def test_a_sender_asks_for_the_next_where_something_is_left(
    hooks: Hooks, receiver: Receiver, workspace: Workspace
) -> None:
    endpoint = hooks.create(receiver)
    receiver.answer(500)
    hooks.happen(created(workspace))
    hooks.woken()
    hooks.send(endpoint)
    row = hooks.row(endpoint)
    assert row["busy_by"] is row["busy_until"] is None
    wait = (row["wake_at"] - datetime.fromisoformat(hooks.delivery(endpoint)["due_at"])).seconds
    assert wait == 0
    found = client("sqs").get_queue_attributes(QueueUrl=hooks.queue, AttributeNames=["All"])
    assert found.get("Attributes", {}).get("ApproximateNumberOfMessagesDelayed") == "1"
    hooks.send(endpoint)
    found = client("sqs").get_queue_attributes(QueueUrl=hooks.queue, AttributeNames=["All"])
    delayed = found.get("Attributes", {}).get("ApproximateNumberOfMessagesDelayed")
    assert delayed == "1", "one is enough"


# What may go wrong in between


def test_only_who_holds_an_endpoint_sends(hooks: Hooks, workspace: Workspace) -> None:
    endpoint = hooks.create("https://hooks.example.com/")
    hooks.happen(created(workspace))
    hooks.as_role("crm_worker")
    first, second = uuid4(), uuid4()
    endpoint_id = DueEndpoint(workspace_id=workspace.id, endpoint_id=endpoint["id"]).endpoint_id
    with transaction(workspace.id) as tx:
        taken = commands.take(tx, endpoint_id, first)
        assert taken is not None
        assert commands.take(tx, endpoint_id, second) is None
    [mine] = taken[1]
    hooks.pass_time(minutes=5)
    with transaction(workspace.id) as tx:
        later = commands.take(tx, endpoint_id, second)
        assert later is not None
        assert [one.id for one in later[1]] == [mine.id]
        attempt = Attempt(at=datetime.now().astimezone(), duration_ms=1, status=200, error=None,
            response="")  # fmt: skip
        commands.settle(tx, endpoint_id, [outcomes.judge(mine, attempt, None, 0)])
    delivery = hooks.delivery(endpoint)
    assert (delivery["state"], delivery["log"]) == ("pending", []), "the first was too late"


def test_a_delivery_that_kills_its_senders_is_given_up(
    hooks: Hooks, receiver: Receiver, workspace: Workspace, database: Database
) -> None:
    endpoint = hooks.create(receiver)
    hooks.happen(created(workspace))
    database.admin(
        "update webhook_deliveries set attempts = 10 where workspace_id = %(w)s", w=workspace.id
    )
    hooks.send(endpoint)
    delivery = hooks.delivery(endpoint)
    assert (delivery["state"], delivery["reason"]) == ("failed", "interrupted")
    assert receiver.received == []


def test_the_log_keeps_the_last_twenty_attempts(
    hooks: Hooks, receiver: Receiver, workspace: Workspace
) -> None:
    endpoint = hooks.create(receiver)
    hooks.happen(created(workspace))
    path = f"/{endpoint['id']}/deliveries/{hooks.delivery(endpoint)['id']}/replay"
    receiver.behave = lambda _: Answer(200, body=str(len(receiver.received)).encode())
    for _ in range(22):
        hooks.ask("POST", path)
        hooks.pass_time(seconds=1)
        hooks.send(endpoint)
    kept = [one["response"] for one in hooks.delivery(endpoint)["log"]]
    assert kept == [str(number) for number in range(3, 23)]


def test_many_deliveries_cost_no_more_statements_to_take(
    hooks: Hooks, workspace: Workspace, statements: list[str]
) -> None:
    endpoint = hooks.create("https://hooks.example.com/")
    hooks.happen(*[created(workspace) for _ in range(25)])
    endpoint_id = DueEndpoint(workspace_id=workspace.id, endpoint_id=endpoint["id"]).endpoint_id
    hooks.as_role("crm_worker")
    with transaction(workspace.id) as tx:
        statements.clear()
        taken = commands.take(tx, endpoint_id, uuid4())
        assert taken is not None
        assert len(statements) == 5, "hold, whose, what they may not read, claim, spend"
        assert len(taken[1]) == 25
        failed = [outcomes.Outcome(one, "delivered") for one in taken[1]]
        statements.clear()
        commands.settle(tx, endpoint_id, failed)
        assert len(statements) == 2
