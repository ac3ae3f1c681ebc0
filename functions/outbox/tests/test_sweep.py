"""The sweeper against a real database and a real bus with a queue behind it: crashes anywhere."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from botocore.stub import Stubber

from events.contacts import ContactCreated
from functions.outbox import commands, jobs, store
from shared import db, outbox
from shared.aws import client
from shared.db import Tx
from shared.ids import uuid7
from shared.runtime import Consumer
from shared.testing import BUS, Database, LambdaContext, Workspace

handler: Callable[..., Any] = jobs.handler
Published = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def _sweeps_at_once(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HASTE_OUTBOX_AGE_SECONDS", "0")


@pytest.fixture
def published(workspace: Workspace) -> Iterator[Published]:
    """What the bus has delivered of this workspace since it was last asked."""
    name = f"outbox-{uuid4()}"
    url = client("sqs").create_queue(QueueName=name)["QueueUrl"]
    arn = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    pattern = {"detail": {"workspace_id": [str(workspace.id)]}}
    client("events").put_rule(Name=name, EventBusName=BUS, EventPattern=json.dumps(pattern))
    client("events").put_targets(
        Rule=name,
        EventBusName=BUS,
        Targets=[{"Id": "queue", "Arn": arn["Attributes"]["QueueArn"]}],
    )

    def receive() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while (
            messages := client("sqs")
            .receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            .get("Messages")
        ):
            for message in messages:
                found.append(json.loads(message.get("Body", "")))
                client("sqs").delete_message(
                    QueueUrl=url, ReceiptHandle=message.get("ReceiptHandle", "")
                )
        return found

    yield receive
    client("events").remove_targets(Rule=name, EventBusName=BUS, Ids=["queue"])
    client("events").delete_rule(Name=name, EventBusName=BUS)
    client("sqs").delete_queue(QueueUrl=url)


@pytest.fixture
def commit(as_role: Callable[[str], None], workspace: Workspace) -> Callable[[int], list[UUID]]:
    """Commit events whose function then crashes before it publishes any."""

    def write(count: int) -> list[UUID]:
        as_role("crm_app")
        with db.transaction(workspace.id) as tx:
            events = [_event(workspace) for _ in range(count)]
            for event in events:
                tx.emit(event)
        outbox.drop()
        as_role("crm_outbox")
        return [event.id for event in events]

    return write


def _event(workspace: Workspace) -> ContactCreated:
    return ContactCreated(workspace_id=workspace.id, aggregate_id=uuid7(), email=None, name="Ada")


def _sweep() -> None:
    handler({"detail": {"job": "sweep"}}, LambdaContext())


def _waiting(database: Database, workspace: Workspace) -> list[dict[str, Any]]:
    return database.admin(
        """
        select event_id, attempts, extract(epoch from next_attempt_at - now())::int as wait
        from outbox where workspace_id = %(id)s order by event_id
        """,
        id=workspace.id,
    )


def _make_due(database: Database, workspace: Workspace) -> None:
    database.admin(
        "update outbox set next_attempt_at = now() where workspace_id = %(id)s", id=workspace.id
    )


def test_what_a_crash_left_unpublished_is_delivered(
    commit: Callable[[int], list[UUID]],
    published: Published,
    database: Database,
    workspace: Workspace,
) -> None:
    made = commit(12)
    _sweep()
    messages = published()
    assert sorted(m["detail"]["position"] for m in messages) == list(range(1, 13))
    assert {m["detail"]["id"] for m in messages} == {str(identifier) for identifier in made}
    assert {(m["source"], m["detail-type"]) for m in messages} == {
        ("haste.contacts", "ContactCreated")
    }
    assert ContactCreated.model_validate(messages[0]["detail"]).name == "Ada"
    assert _waiting(database, workspace) == []
    _sweep()
    assert published() == []


def test_young_events_are_left_to_the_function_that_made_them(
    commit: Callable[[int], list[UUID]],
    database: Database,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commit(1)
    monkeypatch.delenv("HASTE_OUTBOX_AGE_SECONDS")
    _sweep()
    assert [row["attempts"] for row in _waiting(database, workspace)] == [0]


def test_a_crash_after_publishing_delivers_twice_and_the_consumer_acts_once(
    commit: Callable[[int], list[UUID]],
    published: Published,
    database: Database,
    workspace: Workspace,
    deliver: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def crash(parcels: object) -> None:
        raise ConnectionError("killed")

    commit(1)
    with monkeypatch.context() as broken:
        broken.setattr(commands, "forget", crash)
        with pytest.raises(ConnectionError):
            _sweep()
    assert len(_waiting(database, workspace)) == 1
    _sweep()  # the claim is a lease: not due yet
    _make_due(database, workspace)
    _sweep()
    messages = published()
    assert len(messages) == 2
    acted: list[UUID] = []
    consumer = Consumer("outbox-test")
    consumer.on(ContactCreated)(lambda tx, event: acted.append(event.id))
    assert deliver(consumer.handler, *messages) == []
    assert len(acted) == 1


def test_two_sweepers_at_once_publish_nothing_twice(
    commit: Callable[[int], list[UUID]], published: Published, database: Database
) -> None:
    made = commit(1_300)
    program = "from functions.outbox.commands import sweep; sweep()"
    env = {**os.environ, "HASTE_DATABASE_URL": database.url("crm_outbox")}
    sweepers = [
        subprocess.Popen([sys.executable, "-c", program], env=env, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for sweeper in sweepers:
        _, complaints = sweeper.communicate(timeout=120)
        assert sweeper.returncode == 0, complaints.decode()
    assert Counter(m["detail"]["id"] for m in published()) == Counter(map(str, made))


def test_rows_another_sweeper_is_claiming_are_skipped(
    commit: Callable[[int], list[UUID]], database: Database, workspace: Workspace
) -> None:
    made = commit(3)
    with psycopg.connect(database.url("crm_outbox")) as other:
        theirs = store.claim(Tx(other, workspace.id, None, "other"), limit=2, older_than_s=0)
        with db.system_transaction("us") as tx:
            ours = store.claim(tx, limit=100, older_than_s=0)
        seen = [event.event_id for event in [*theirs, *ours] if event.workspace_id == workspace.id]
    assert sorted(seen) == sorted(made)


def test_what_the_bus_refuses_stays_and_is_tried_less_and_less_often(
    commit: Callable[[int], list[UUID]], database: Database, workspace: Workspace
) -> None:
    database.admin("delete from outbox")
    _, second = commit(2)
    refused = {"ErrorCode": "InternalFailure", "ErrorMessage": "try again"}
    waits: list[int] = []
    with Stubber(client("events")) as bus:
        bus.add_response(
            "put_events", {"FailedEntryCount": 1, "Entries": [{"EventId": "1"}, refused]}
        )
        _sweep()
        for _ in range(8):
            [row] = _waiting(database, workspace)
            assert row["event_id"] == second
            waits.append(row["wait"])
            _make_due(database, workspace)
            bus.add_response("put_events", {"FailedEntryCount": 1, "Entries": [refused]})
            _sweep()
    assert [round(wait / 60) for wait in waits] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_bus_that_does_not_answer_loses_nothing(
    commit: Callable[[int], list[UUID]],
    published: Published,
    database: Database,
    workspace: Workspace,
) -> None:
    commit(12)
    with Stubber(client("events")) as bus:
        for _ in range(2):
            bus.add_client_error("put_events", "ServiceUnavailable", http_status_code=503)
        _sweep()
    assert len(_waiting(database, workspace)) == 12
    _make_due(database, workspace)
    _sweep()
    assert len(published()) == 12


def test_a_transaction_that_commits_late_is_still_delivered(
    as_role: Callable[[str], None],
    published: Published,
    database: Database,
    workspace: Workspace,
    new_workspace: Callable[[], Workspace],
) -> None:
    """A reader that remembers the last id it saw would have passed this one by."""
    with psycopg.connect(database.url("crm_app")) as slow:
        tx = Tx(slow, workspace.id, None, "slow")
        slow.execute("select app.begin_request(%s, null)", (workspace.id,))
        early = _event(workspace)
        tx.emit(early)
        tx._append_events()  # pyright: ignore[reportPrivateUsage] -- held open before its commit
        later = new_workspace()
        with psycopg.connect(database.url("crm_app")) as quick:
            other = Tx(quick, later.id, None, "quick")
            quick.execute("select app.begin_request(%s, null)", (later.id,))
            other.emit(_event(later))
            other._append_events()  # pyright: ignore[reportPrivateUsage]
        as_role("crm_outbox")
        _sweep()
        assert _waiting(database, later) == []
        assert published() == []
    _sweep()
    assert [m["detail"]["id"] for m in published()] == [str(early.id)]


def test_an_event_of_a_type_not_known_yet_waits(
    commit: Callable[[int], list[UUID]],
    published: Published,
    database: Database,
    workspace: Workspace,
) -> None:
    known, unknown = commit(2)
    database.admin("update event_log set type = 'ContactSang' where id = %(id)s", id=unknown)
    _sweep()
    assert [m["detail"]["id"] for m in published()] == [str(known)]
    assert [row["event_id"] for row in _waiting(database, workspace)] == [unknown]


def test_it_measures_how_much_and_how_late(
    commit: Callable[[int], list[UUID]],
    database: Database,
    workspace: Workspace,
    capsys: pytest.CaptureFixture[str],
) -> None:
    database.admin("delete from outbox")
    _, late = commit(2)
    database.admin(
        """
        update outbox set created_at = now() - interval '5 minutes',
            next_attempt_at = now() + interval '1 hour'
        where event_id = %(id)s
        """,
        id=late,
    )
    capsys.readouterr()
    _sweep()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [emf] = [line for line in lines if "_aws" in line]
    assert emf["OutboxPublished"] == [1.0]
    assert 300 <= emf["OutboxOldestSeconds"][0] < 400
    assert len(_waiting(database, workspace)) == 1
