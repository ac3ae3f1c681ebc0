"""The automations' queue: which events run what, and what becomes of it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from events.activities import TaskChanged, TaskCreated
from events.ai import EmailAnalyzed
from events.contacts import ContactChanged, ContactCreated
from events.email import EmailReceived
from functions.automations.api import handler as automations_api
from functions.automations.consumers import handler
from functions.automations.tests.scenes import (
    NEGATIVE,
    TAG,
    TASK,
    analyzed,
    make_rule,
    make_sender,
    read_contact,
    read_runs,
    read_tasks,
    received,
)
from functions.contacts.api import handler as contacts_api
from shared.ids import uuid7
from shared.testing import Call, Database, Deliver, EventsOf, Workspace


def test_a_matching_event_runs_every_action(
    call: Call, deliver: Deliver, workspace: Workspace, events_of: EventsOf
) -> None:
    contact = make_sender(call)
    company = {"type": "set_field", "field": "company", "value": "Acme"}
    automation = make_rule(call, TASK, TAG, company, conditions=NEGATIVE, name="Unhappy people")
    event = analyzed(workspace)
    assert deliver(handler, event) == []

    (task,) = read_tasks(call)
    (run,) = read_runs(call, automation)
    assert (task["title"], task["source"]) == ("Answer ada@example.com", "Unhappy people")
    assert (task["contact_id"], task["email_id"]) == (contact["id"], str(event.aggregate_id))
    assert task["created_by"] == f"automation:{automation}"
    assert task["automation_run_id"] == run["id"]
    due = datetime.fromisoformat(task["due_at"])
    assert (due - event.at).days == 2
    changed = read_contact(call, contact)
    assert (changed["tags"], changed["company"]) == (["unhappy"], "Acme")
    assert (run["status"], run["reason"], run["event_id"]) == ("done", None, str(event.id))
    assert [one["outcome"] for one in run["actions"]] == ["done", "done", "done"]
    assert run["actions"][0]["task_id"] == task["id"]
    emitted = events_of(workspace)[2:]
    assert [one["type"] for one in emitted] == [
        "TaskCreated",
        "ContactChanged",
        "ContactChanged",
        "AutomationRan",
    ]
    assert {one["payload"]["actor"] for one in emitted} == {f"automation:{automation}"}
    assert emitted[-1]["payload"]["outcome"] == "done"


def test_what_does_not_match_leaves_no_trace(
    call: Call, deliver: Deliver, workspace: Workspace, events_of: EventsOf
) -> None:
    make_sender(call)
    other_type = make_rule(call, TAG, event_type="EmailReceived")
    unmet = make_rule(call, TAG, conditions={"not": NEGATIVE})
    off = make_rule(call, TAG, enabled=False)
    gone = make_rule(call, TAG)
    assert call(automations_api, "DELETE", f"/api/v1/automations/{gone}").status == 204
    before = len(events_of(workspace))
    assert deliver(handler, analyzed(workspace)) == []
    assert [read_runs(call, rule) for rule in (other_type, unmet, off)] == [[], [], []]
    assert len(events_of(workspace)) == before


def test_without_a_contact_the_run_is_done_all_the_same(
    call: Call, deliver: Deliver, workspace: Workspace
) -> None:
    automation = make_rule(
        call, TAG, {"type": "set_field", "field": "phone", "value": "+1 202 555 0100"}, TASK
    )
    assert deliver(handler, analyzed(workspace, sender=None)) == []
    (run,) = read_runs(call, automation)
    assert run["status"] == "done"
    assert [one["outcome"] for one in run["actions"]] == ["no_contact", "no_contact", "done"]
    (task,) = read_tasks(call)
    assert (task["title"], task["contact_id"]) == ("Answer unknown", None)


def test_what_is_so_already_is_unchanged(
    call: Call, deliver: Deliver, workspace: Workspace
) -> None:
    contact = make_sender(call, tags=["unhappy"], company="Acme")
    company = {"type": "set_field", "field": "company", "value": "Acme"}
    automation = make_rule(call, TAG, company)
    assert deliver(handler, analyzed(workspace)) == []
    (run,) = read_runs(call, automation)
    assert [one["outcome"] for one in run["actions"]] == ["unchanged", "unchanged"]
    assert read_contact(call, contact) == contact


def test_two_rules_tag_the_same_contact(call: Call, deliver: Deliver, workspace: Workspace) -> None:
    contact = make_sender(call)
    make_rule(call, {"type": "tag_contact", "tag": "one"})
    make_rule(call, {"type": "tag_contact", "tag": "two"})
    assert deliver(handler, analyzed(workspace)) == []
    assert read_contact(call, contact)["tags"] == ["one", "two"]


def test_a_refused_action_undoes_its_run_and_no_other(
    call: Call, deliver: Deliver, workspace: Workspace, events_of: EventsOf
) -> None:
    contact = make_sender(call, tags=[str(n) for n in range(50)])
    first = make_rule(call, {**TASK, "title": "first"})
    refused = make_rule(call, {**TASK, "title": "refused"}, TAG, {**TASK, "title": "never"})
    last = make_rule(call, {**TASK, "title": "last"})
    assert deliver(handler, analyzed(workspace)) == []
    assert [task["title"] for task in read_tasks(call)] == ["last", "first"]
    assert read_contact(call, contact)["version"] == 1
    (run,) = read_runs(call, refused)
    assert (run["status"], run["reason"]) == ("failed", "action_refused")
    assert [(one["outcome"], one["code"]) for one in run["actions"]] == [
        ("undone", None),
        ("failed", "action_refused"),
    ]
    assert [read_runs(call, rule)[0]["status"] for rule in (first, last)] == ["done", "done"]
    emitted = events_of(workspace)
    titles = [one["payload"]["title"] for one in emitted if one["type"] == "TaskCreated"]
    outcomes = [one["payload"]["outcome"] for one in emitted if one["type"] == "AutomationRan"]
    assert (titles, outcomes) == (["first", "last"], ["done", "failed", "done"])


@pytest.mark.parametrize(
    ("column", "reason"), [("conditions", "invalid_filter"), ("actions", "invalid_actions")]
)
def test_a_rule_that_can_no_longer_be_read_fails_alone(
    call: Call,
    deliver: Deliver,
    workspace: Workspace,
    database: Database,
    column: str,
    reason: str,
) -> None:
    broken = make_rule(call, TASK)
    make_rule(call, TASK)
    database.admin(
        """
        update automations set
            conditions = case %(column)s when 'conditions' then '{"field": "gone"}'
                else conditions end,
            actions = case %(column)s when 'actions' then '[{"type": "gone"}]' else actions end
        where id = %(id)s
        """,
        column=column,
        id=UUID(broken),
    )
    assert deliver(handler, analyzed(workspace)) == []
    assert len(read_tasks(call)) == 1
    run = database.admin(
        "select status, reason from automation_runs where automation_id = %(id)s", id=UUID(broken)
    )
    assert run == [{"status": "failed", "reason": reason}]


@pytest.mark.parametrize("make", [analyzed, received])
def test_back_filled_mail_runs_nothing(
    call: Call,
    deliver: Deliver,
    workspace: Workspace,
    make: Callable[..., EmailAnalyzed | EmailReceived],
) -> None:
    event = make(workspace, backfill=True)
    automation = make_rule(call, TASK, event_type=event.type_name())
    assert deliver(handler, event) == []
    assert (read_tasks(call), read_runs(call, automation)) == ([], [])
    assert deliver(handler, make(workspace)) == []
    assert len(read_tasks(call)) == 1


def test_an_event_caused_by_an_automation_runs_nothing(
    call: Call, deliver: Deliver, workspace: Workspace, events_of: EventsOf
) -> None:
    """Two rules that would feed each other for ever stop after one step, and say why."""
    contact = make_sender(call)
    again = make_rule(call, {"type": "create_task", "title": "Again"}, event_type="TaskCreated")
    tagged = make_rule(call, {**TASK, "title": "Again"}, event_type="ContactChanged")
    start = make_rule(call, TASK, TAG)
    assert deliver(handler, analyzed(workspace)) == []
    assert len(read_tasks(call)) == 1

    caused = events_of(workspace)[-3:]
    kinds = {"TaskCreated": TaskCreated, "ContactChanged": ContactChanged}
    echoes = [kinds[one["type"]](**one["payload"]) for one in caused if one["type"] in kinds]
    assert len(echoes) == 2
    before = len(events_of(workspace))
    assert deliver(handler, *echoes) == []
    assert len(read_tasks(call)) == 1
    for rule in (again, tagged):
        (run,) = read_runs(call, rule)
        assert (run["status"], run["reason"]) == ("skipped", "caused_by_automation")
        assert run["actions"] == []
    assert read_runs(call, start)[0]["status"] == "done"
    assert len(events_of(workspace)) == before
    assert read_contact(call, contact)["tags"] == ["unhappy"]


def test_events_of_contacts_and_tasks_act_on_their_own_contact(
    call: Call, deliver: Deliver, workspace: Workspace
) -> None:
    ada, bob = make_sender(call), make_sender(call, name="Bob", email=None)
    for event_type, tag in [("ContactCreated", "new"), ("TaskCreated", "busy")]:
        make_rule(call, {"type": "tag_contact", "tag": tag}, event_type=event_type)
    done = {"all": [{"field": "status", "op": "eq", "value": "done"}]}
    make_rule(
        call, {"type": "tag_contact", "tag": "free"}, event_type="TaskChanged", conditions=done
    )
    bob_id, task_id = UUID(bob["id"]), uuid7()
    known: dict[str, Any] = {"workspace_id": workspace.id, "actor": "user:1"}
    events = [
        ContactCreated(**known, aggregate_id=bob_id, email=None, name="Bob"),
        TaskCreated(**known, aggregate_id=task_id, title="x", contact_id=bob_id),
        TaskChanged(
            **known,
            aggregate_id=task_id,
            title="x",
            status="done",
            changed=("status",),
            contact_id=bob_id,
        ),
        TaskCreated(**known, aggregate_id=task_id, title="about nobody"),
    ]
    assert deliver(handler, *events) == []
    assert read_contact(call, bob)["tags"] == ["new", "busy", "free"]
    assert read_contact(call, ada)["tags"] == []


def test_a_contact_deleted_meanwhile_is_no_contact(
    call: Call, deliver: Deliver, workspace: Workspace
) -> None:
    contact = make_sender(call)
    automation = make_rule(call, TAG, event_type="ContactCreated")
    url = f"/api/v1/contacts/{contact['id']}"
    assert call(contacts_api, "DELETE", url).status == 204
    event = ContactCreated(
        workspace_id=workspace.id, aggregate_id=UUID(contact["id"]), email=None, name="Ada"
    )
    assert deliver(handler, event) == []
    assert read_runs(call, automation)[0]["actions"][0]["outcome"] == "no_contact"


def test_hostile_senders_are_only_text(call: Call, deliver: Deliver, workspace: Workspace) -> None:
    make_rule(call, {**TASK, "notes": "From {sender}"})
    sender = "{sentiment}\r\n\x07'; drop table tasks; --" + "x" * 400
    assert deliver(handler, analyzed(workspace, sender=sender)) == []
    (task,) = read_tasks(call)
    assert task["title"].startswith("Answer {sentiment} '; drop table tasks; --xxx")
    assert (len(task["title"]), task["title"][-1]) == (200, "…")
