"""The automations' queue when deliveries repeat, fail, race or belong to somebody else."""

from collections.abc import Generator
from contextlib import contextmanager
from threading import Thread
from time import monotonic, sleep
from typing import Any
from uuid import UUID

import psycopg
import pytest

from events.contacts import ContactChanged, ContactCreated
from events.email import MailboxConnected
from functions.automations.api import handler as automations_api
from functions.automations.consumers import handler
from functions.automations.tests.scenes import (
    NEGATIVE,
    TAG,
    TASK,
    analyzed,
    connect_mailbox,
    make_rule,
    make_sender,
    read_contact,
    read_runs,
    read_tasks,
)
from shared.ids import uuid7
from shared.testing import Call, Database, Deliver, EventsOf, NewWorkspace, Workspace


def test_a_duplicate_runs_once(
    call: Call, deliver: Deliver, workspace: Workspace, database: Database
) -> None:
    automation = make_rule(call, TASK)
    event = analyzed(workspace)
    assert deliver(handler, event, event) == []
    assert deliver(handler, event, receives=2) == []
    database.admin("delete from inbox where workspace_id = %(id)s", id=workspace.id)
    assert deliver(handler, event) == []  # later than the inbox remembers
    assert len(read_tasks(call)) == len(read_runs(call, automation)) == 1


def test_the_order_of_delivery_does_not_matter(
    call: Call, deliver: Deliver, new_workspace: NewWorkspace, database: Database
) -> None:
    outcomes: list[list[dict[str, Any]]] = []
    for backwards in (False, True):
        place = new_workspace()
        connect_mailbox(database, place)
        contact_id = uuid7()
        events = [
            ContactCreated(workspace_id=place.id, aggregate_id=contact_id, email=None, name="Ada"),
            *(
                ContactChanged(
                    workspace_id=place.id,
                    aggregate_id=contact_id,
                    aggregate_version=version,
                    email=None,
                    name="Ada",
                    changed=("phone",),
                )
                for version in (2, 3)
            ),
            analyzed(place),
        ]
        for event_type in ("ContactCreated", "ContactChanged", "EmailAnalyzed"):
            body = {"name": "Rule", "event_type": event_type, "actions": [TAG]}
            made = call(automations_api, "POST", "/api/v1/automations", body, workspace=place)
            assert made.status == 201
        assert deliver(handler, *(reversed(events) if backwards else events)) == []
        outcomes.append(
            database.admin(
                """
                select event_type, status, actions from automation_runs
                where workspace_id = %(id)s order by event_type
                """,
                id=place.id,
            )
        )
    assert outcomes[0] == outcomes[1]
    assert len(outcomes[0]) == 4


def test_unknown_and_broken_messages_do_not_stop_the_others(
    call: Call, deliver: Deliver, workspace: Workspace
) -> None:
    make_rule(call, TASK)
    unheard = MailboxConnected(
        workspace_id=workspace.id, aggregate_id=uuid7(), address="a@example.com", provider="gmail"
    )
    unknown = {"detail-type": "SomethingNew", "detail": {"workspace_id": str(workspace.id)}}
    broken = {"detail-type": "EmailAnalyzed", "detail": {"workspace_id": str(workspace.id)}}
    failed = deliver(handler, unheard, unknown, broken, "no json", analyzed(workspace))
    assert failed == ["2", "3"]
    assert len(read_tasks(call)) == 1


def test_another_workspace_is_not_touched(
    call: Call, deliver: Deliver, workspace: Workspace, new_workspace: NewWorkspace
) -> None:
    contact = make_sender(call)
    automation = make_rule(call, TAG, TASK)
    stranger = new_workspace()
    contact_id = UUID(contact["id"])
    tag_new = {"name": "Rule", "event_type": "ContactCreated", "actions": [TAG]}
    made = call(automations_api, "POST", "/api/v1/automations", tag_new, workspace=stranger)
    assert made.status == 201
    events = [
        analyzed(stranger),
        ContactCreated(workspace_id=stranger.id, aggregate_id=contact_id, email=None, name="x"),
    ]
    assert deliver(handler, *events) == []
    assert read_runs(call, automation) == []
    assert read_contact(call, contact) == contact
    assert (read_tasks(call), read_tasks(call, workspace=stranger)) == ([], [])
    assert deliver(handler, analyzed(workspace)) == []
    assert len(read_runs(call, automation)) == 1


@contextmanager
def _without_tasks(database: Database) -> Generator[None]:
    database.admin("revoke insert on tasks from crm_worker")
    try:
        yield
    finally:
        database.admin("grant insert on tasks to crm_worker")


def test_a_database_error_is_delivered_again(
    call: Call, deliver: Deliver, workspace: Workspace, database: Database, events_of: EventsOf
) -> None:
    contact = make_sender(call)
    tagged, asked = make_rule(call, TAG), make_rule(call, TASK)
    before = len(events_of(workspace))
    event = analyzed(workspace)
    with _without_tasks(database):
        assert deliver(handler, event) == ["0"]
    assert (read_runs(call, tagged), read_runs(call, asked)) == ([], [])
    assert read_contact(call, contact)["tags"] == []
    assert len(events_of(workspace)) == before
    assert deliver(handler, event, receives=2) == []
    assert read_runs(call, tagged)[0]["status"] == read_runs(call, asked)[0]["status"] == "done"
    assert len(read_tasks(call)) == 1


def _wait_until_someone_waits(database: Database) -> None:
    deadline = monotonic() + 20
    query = (
        "select 1 from pg_stat_activity where usename = 'crm_worker' and wait_event_type = 'Lock'"
    )
    while not database.admin(query):
        assert monotonic() < deadline, "the consumer never waited for the contact"
        sleep(0.02)


def test_a_race_for_a_contact_is_delivered_again(
    call: Call, deliver: Deliver, workspace: Workspace, database: Database
) -> None:
    contact = make_sender(call)
    automation = make_rule(call, TAG)
    event = analyzed(workspace)
    failed: list[list[str]] = []
    consumer = Thread(target=lambda: failed.append(deliver(handler, event)))
    with psycopg.connect(database.server.url(database=database.name)) as person:
        person.execute(
            "update contacts set phone = '1', version = version + 1 where id = %s",
            [UUID(contact["id"])],
        )
        consumer.start()
        _wait_until_someone_waits(database)
    consumer.join()
    assert failed == [["0"]]
    assert read_runs(call, automation) == []
    assert deliver(handler, event, receives=2) == []
    read = read_contact(call, contact)
    assert (read["phone"], read["tags"]) == ("1", ["unhappy"])


def test_statements_do_not_grow_with_the_rules(
    call: Call, deliver: Deliver, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[object] = []
    execute = psycopg.Cursor[Any].execute

    def count(self: psycopg.Cursor[Any], query: Any, *args: Any, **options: Any) -> Any:
        counted.append(query)
        return execute(self, query, *args, **options)

    monkeypatch.setattr(psycopg.Cursor, "execute", count)

    def statements(rules: int, **fields: Any) -> int:
        for _ in range(rules):
            make_rule(call, TAG, **fields)
        counted.clear()
        assert deliver(handler, analyzed(workspace)) == []
        return len(counted)

    without = statements(0)
    assert without == 5  # begin (2), first time, rules, commit
    assert statements(12, conditions={"not": NEGATIVE}) == without
    three = statements(3)
    assert statements(3) == three + 3  # each effect looks for the contact; runs go in together
