"""An erasure, from the request to the last trace."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from events.email import EmailReceived
from events.envelope import Event
from functions.activities.api import handler as tasks
from functions.automations.api import handler as automations
from functions.automations.consumers import handler as automate
from functions.contacts.api import handler as contacts
from functions.email.api import handler as emails
from functions.gateway.api.batch import handler as batch
from functions.gateway.api.callers import handler as gateway
from functions.graphql.api import handler as graphql
from functions.privacy.tests.conftest import ERIKA, NAME, Desk, grep
from functions.webhooks.consumers.events import handler as webhooks
from shared import db, outbox
from shared.ids import uuid7
from shared.testing import Call, NewWorkspace, Workspace

BOB = "bob@other.example"
ANA = "ana@acme.example"


def test_a_contact_and_their_tasks_are_gone_for_good(desk: Desk, call: Call) -> None:
    contact = desk.contact()
    task, other = desk.task(contact), desk.task(None, title="Buy milk")
    done = desk.erase(contact_id=contact["id"])
    assert done["email"] is None
    assert done["steps"]["contacts"] == {
        "state": "done", "rows": {"contacts": 1}, "error": None, "attempts": 0
    }  # fmt: skip
    assert done["steps"]["tasks"]["rows"] == {"tasks": 1}
    assert call(contacts, "GET", f"/api/v1/contacts/{contact['id']}").status == 404
    assert grep(desk, ERIKA, NAME) == {}
    left = call(tasks, "GET", "/api/v1/tasks").json["items"]
    assert [one["id"] for one in left] == [other["id"]]
    told = desk.events()
    kinds = [event.type_name() for event in told]
    assert kinds[-4:] == ["PersonErasureRequested", "TaskDeleted", "ContactDeleted", "PersonErased"]
    assert [str(one.aggregate_id) for one in told[-3:-1]] == [task["id"], contact["id"]]
    again = call(contacts, "POST", "/api/v1/contacts", {"name": "New", "email": ERIKA})
    assert again.status == 201, "the address is free again"


def _mails(desk: Desk) -> dict[str, UUID]:
    """Mails from Erika, to her alone, and between others who name her; and of others alone."""
    box = desk.mailbox(ANA)
    written = f"Ask {ERIKA.upper()} or https://x.example/?to=erika%40mustermann.example."
    return {
        "from": desk.mail(box, ERIKA, ANA, BOB, text=f"I am {NAME}"),
        "to": desk.mail(box, ANA, ERIKA, text=f"Dear {NAME}"),
        "among": desk.mail(box, BOB, ANA, ERIKA, text=written),
        "others": desk.mail(box, BOB, ANA, text="About the weather"),
    }


def _received(desk: Desk, email: UUID, sender: str) -> Event:
    """A mail's event, as fetching emits it."""
    with db.transaction(desk.workspace.id, actor="system:email") as tx:
        event = EmailReceived(
            **tx.envelope(email),
            mailbox_id=uuid7(),
            thread_id=uuid7(),
            direction="inbound",
            kind="human",
            sender=sender,
            received_at=datetime(2026, 3, 2, tzinfo=UTC),
            backfill=False,
        )
        tx.emit(event)
    outbox.drop()
    return event


def analyse(desk: Desk, email: UUID, quote: str) -> None:
    """What the AI leaves of a mail."""
    for statement in (
        """
        insert into email_analyses (workspace_id, email_id, mailbox_id, sentiment, sentiment_score,
            intent, reply_needed, reply_quote, provider, model, duration_ms, cost_micros)
        select workspace_id, id, mailbox_id, 'neutral', 0, 'other', true, %(quote)s, 'local', 'x',
            1, 1
        from emails where id = %(email)s
        """,
        """
        insert into email_entities (workspace_id, email_id, place, mailbox_id, kind, value, quote,
            source, start_at, end_at, confidence)
        select e.workspace_id, e.id, v.n, e.mailbox_id, v.kind, v.value, v.value, 'text', 0, 1, 1
        from emails e, (values (1, 'person', %(name)s), (2, 'email', %(erika)s),
            (3, 'company', 'Weather Ltd'), (4, 'phone', '+49309018201'),
            (5, 'job_title', 'Head of Rain')) as v (n, kind, value)
        where e.id = %(email)s
        """,
    ):
        desk.database.admin(statement, email=email, quote=quote, name=NAME, erika=ERIKA)


def _listen(desk: Desk) -> None:
    """An endpoint that is sent everything."""
    desk.database.admin(
        """
        insert into webhook_endpoints (workspace_id, id, user_id, url, description, enabled, secret)
        values (%(w)s, gen_random_uuid(), %(user)s, 'https://hooks.example/', '', true, '')
        """,
        w=desk.workspace.id,
        user=desk.workspace.user_id,
    )


def _live(desk: Desk, call: Call, deliver: Any) -> dict[str, Any]:
    """Everything that happens to Erika: a contact made in a batch and changed, tasks, mails, what
    the AI read, webhooks, an export.
    """
    ours = desk.contact(phone="+49 30 1")
    change = {"method": "PATCH", "path": f"/api/v1/contacts/{ours['id']}", "if_match": "*",
        "body": {"company": f"{NAME} GmbH"}}  # fmt: skip
    body = {"operations": [change]}
    operation = call(batch, "POST", "/api/v1/batch", body, headers={"Idempotency-Key": "b"})
    assert operation.json["results"][0]["status"] == 200, operation.json
    mails = _mails(desk)
    desk.task(ours)
    desk.task(None, title=f"Answer {ERIKA}", email_id=str(mails["from"]))
    for email in (mails["from"], mails["among"]):
        analyse(desk, email, f"Can you ask {ERIKA}?")
    _listen(desk)
    happened = [*desk.events(), _received(desk, mails["from"], ERIKA)]
    assert deliver(webhooks, *happened[-10:]) == []
    desk.database.admin(
        """
        update webhook_deliveries set state = 'delivered', settled_at = now(),
            log = jsonb_build_array(jsonb_build_object('at', now(), 'duration_ms', 1,
                'status', 200, 'error', null, 'response', %(said)s::text))
        where workspace_id = %(w)s and event_type = 'ContactCreated'
        """,
        w=desk.workspace.id,
        said=f"thanks for {NAME}",
    )
    export = desk.ask("export", email=ERIKA).json
    desk.begin(export)
    assert desk.get(export).json["state"] == "done"
    return {"contact": ours, "mails": mails, "operation": operation.json, "export": export}


@pytest.fixture
def elsewhere(desk: Desk, new_workspace: NewWorkspace) -> Workspace:
    """Another workspace that knows the same person."""
    other = new_workspace()
    desk.contact(within=other)
    return other


def test_nothing_of_them_is_found_anywhere(
    desk: Desk, call: Call, deliver: Any, elsewhere: Workspace
) -> None:
    lived = _live(desk, call, deliver)
    spread = grep(desk, ERIKA, NAME, "%40mustermann.example")
    for table in (
        "contacts", "tasks", "emails", "email_subjects", "email_bodies", "email_participants",
        "email_analyses", "email_entities", "event_log", "audit_log", "webhook_deliveries",
        "operation_changes", "privacy_requests",
    ):  # fmt: skip
        assert table in spread, "else this test proves nothing"
    assert len([key for key in spread if key.endswith(".eml")]) == 3
    objects, before = len(desk.objects()), grep(desk, ERIKA, NAME, within=elsewhere)
    done = desk.erase(contact_id=lived["contact"]["id"])
    assert grep(desk, ERIKA, NAME, "%40mustermann.example", "mustermann") == {}
    assert len(desk.objects()) == objects - 4, "three mails and an export"
    assert grep(desk, ERIKA, NAME, within=elsewhere) == before
    assert before["contacts"]
    for name, rows in {
        "emails": {"emails": 2, "emails_redacted": 1},
        "analyses": {"email_entities": 4, "email_analyses": 1},
        "deliveries": {"webhook_deliveries": 5},
        "answers": {"idempotency_keys": 2},
    }.items():
        assert done["steps"][name]["rows"] == rows, name


def test_what_others_wrote_stays_without_them(desk: Desk, call: Call, deliver: Any) -> None:
    desk.contact()
    mails = _mails(desk)
    analyse(desk, mails["among"], f"Can you ask {ERIKA}?")
    desk.erase(email=ERIKA)
    listed = call(emails, "GET", "/api/v1/emails?limit=9").json["items"]
    assert {one["id"] for one in listed} == {str(mails["among"]), str(mails["others"])}
    kept = call(emails, "GET", f"/api/v1/emails/{mails['among']}").json
    people = [(one["role"], one["name"], one["email"]) for one in kept["participants"]]
    assert people == [("from", BOB, BOB), ("to", ANA, ANA), ("to", "Erased", "")]
    assert kept["text"] == kept["subject"] == "Ask [Erased] or https://x.example/?to=[Erased]."
    assert [one["value"] for one in kept["entities"]] == ["Weather Ltd"]
    assert kept["version"] == 2
    raw = call(emails, "GET", f"/api/v1/emails/{mails['among']}/raw")
    assert (raw.status, raw.json["code"]) == (404, "raw_erased")
    assert call(emails, "GET", f"/api/v1/emails/{mails['others']}/raw").status == 303
    told = {
        str(one.aggregate_id): one for one in desk.events() if one.type_name() == "EmailChanged"
    }
    assert {key for key, one in told.items() if getattr(one, "gone", False)} == {
        str(mails["from"]), str(mails["to"])
    }  # fmt: skip


def test_an_address_that_only_contains_theirs_is_anothers(desk: Desk) -> None:
    box = desk.mailbox(ANA)
    text = f"Not x.{ERIKA}, nor {ERIKA}.br, nor {ERIKA}x, but ({ERIKA})."
    email = desk.mail(box, BOB, ERIKA, ANA, text=text)
    desk.erase(email=ERIKA)
    [row] = desk.database.admin("select text from email_bodies where id = %(id)s", id=email)
    assert row["text"] == f"Not x.{ERIKA}, nor {ERIKA}.br, nor {ERIKA}x, but ([Erased])."


def test_nobody_is_shown_anything_of_them(desk: Desk, call: Call, deliver: Any) -> None:
    contact = _live(desk, call, deliver)["contact"]
    desk.erase(contact_id=contact["id"])
    query = "{ contacts(first: 9) { nodes { name tasks(first: 9) { nodes { title } } } } }"
    shown = [
        call(graphql, "POST", "/api/v1/graphql", {"query": query}),
        call(contacts, "GET", "/api/v1/contacts"),
        call(tasks, "GET", "/api/v1/tasks"),
        call(gateway, "GET", "/api/v1/events?limit=200"),
        call(gateway, "GET", "/api/v1/audit?limit=200"),
    ]
    for answer in shown:
        assert answer.status == 200, answer.json
        assert "mustermann" not in answer.body.decode().lower()


def test_the_feed_has_no_hole_and_every_event_can_still_be_read(desk: Desk) -> None:
    contact = desk.contact()
    desk.task(contact)
    before = [(event.id, event.position, event.type_name()) for event in desk.events()]
    desk.erase(contact_id=contact["id"])
    told = desk.events()
    after = [(event.id, event.position, event.type_name()) for event in told]
    assert after[: len(before)] == before
    assert [event.position for event in told] == list(range(1, len(told) + 1))
    created = json.loads(told[0].model_dump_json())
    assert (created["email"], created["name"]) == (None, "Erased")


def test_the_audit_log_keeps_that_something_was_changed(desk: Desk) -> None:
    contact = desk.contact()
    desk.erase(contact_id=contact["id"])
    rows = desk.database.admin(
        """
        select action, actor, before, after from audit_log
        where workspace_id = %(w)s and object_type = 'contacts' order by id
        """,
        w=desk.workspace.id,
    )
    assert [row["action"] for row in rows] == ["created", "deleted"]
    assert rows[0]["actor"] == f"user:{desk.workspace.user_id}"
    assert rows[1]["actor"] == "system:privacy"
    for row in rows:
        assert {*(row["before"] or {}).values(), *(row["after"] or {}).values()} == {None}


def test_what_was_erased_is_not_undone(desk: Desk, call: Call, deliver: Any) -> None:
    lived = _live(desk, call, deliver)
    desk.erase(contact_id=lived["contact"]["id"])
    undo = f"/api/v1/operations/{lived['operation']['operation_id']}/undo"
    answer = call(batch, "POST", undo)
    assert (answer.status, answer.json["code"]) == (409, "cannot_undo")
    [error] = answer.json["errors"]
    assert (error["pointer"], error["code"]) == (f"/contacts/{lived['contact']['id']}", "erased")


def test_a_task_that_was_about_them_once_is_not_given_back_to_them(desk: Desk, call: Call) -> None:
    contact, other = desk.contact(), desk.contact(name="Bob", email=BOB)
    task = desk.task(contact, title="Call")
    body = {"contact_id": other["id"]}
    change = {
        "method": "PATCH",
        "path": f"/api/v1/tasks/{task['id']}",
        "if_match": "*",
        "body": body,
    }
    made = call(batch, "POST", "/api/v1/batch", {"operations": [change]}).json
    desk.erase(contact_id=contact["id"])
    answer = call(batch, "POST", f"/api/v1/operations/{made['operation_id']}/undo")
    assert answer.status == 409
    assert [error["code"] for error in answer.json["errors"]] == ["unknown_contact"]
    assert call(tasks, "GET", f"/api/v1/tasks/{task['id']}").json["contact_id"] == other["id"]


def test_an_answer_of_before_is_given_to_nobody(desk: Desk, call: Call) -> None:
    asked = {"name": NAME, "email": ERIKA}, {"Idempotency-Key": "mine"}
    beside = {"name": "Bob"}, {"Idempotency-Key": "other"}
    made = [
        call(contacts, "POST", "/api/v1/contacts", body, headers=key).json["id"]
        for body, key in (asked, beside)
    ]
    desk.erase(contact_id=made[0])
    for (body, key), first, replayed in ((asked, made[0], False), (beside, made[1], True)):
        again = call(contacts, "POST", "/api/v1/contacts", body, headers=key)
        assert (again.json["id"] == first) is replayed
        assert ("idempotency-replayed" in again.headers) is replayed


def test_a_contact_that_was_deleted_is_erased_by_its_address(desk: Desk, call: Call) -> None:
    contact = desk.contact()
    assert call(contacts, "DELETE", f"/api/v1/contacts/{contact['id']}").status == 204
    again = desk.contact(name=f"{NAME} again")
    done = desk.erase(email=ERIKA)
    assert done["steps"]["contacts"]["rows"] == {"contacts": 2}
    [erased] = [event for event in desk.events() if event.type_name() == "PersonErased"]
    found = {str(one) for one in getattr(erased, "contact_ids", ())}
    assert found == {contact["id"], again["id"]}
    assert grep(desk, ERIKA, NAME) == {}


def test_of_whom_there_is_nothing_it_is_done_all_the_same(desk: Desk) -> None:
    done = desk.erase(email="nobody@example.com")
    assert {sum(step["rows"].values()) for step in done["steps"].values()} == {0}


def test_an_event_that_is_delivered_again_brings_nothing_back(
    desk: Desk, call: Call, deliver: Any
) -> None:
    """From a dead-letter queue, days after."""
    _listen(desk)
    rule = {"type": "create_task", "title": "Call {name} at {email}"}
    body = {"name": "Welcome", "event_type": "ContactCreated", "actions": [rule]}
    assert call(automations, "POST", "/api/v1/automations", body).status == 201
    contact = desk.contact()
    desk.task(contact)
    happened = desk.events()
    desk.erase(contact_id=contact["id"])
    assert deliver(webhooks, *happened) == []
    assert deliver(automate, *happened) == []
    assert grep(desk, ERIKA, NAME) == {}
    told = desk.database.admin(
        """
        select body from webhook_deliveries
        where workspace_id = %(w)s and event_type = 'ContactCreated'
        """,
        w=desk.workspace.id,
    )
    assert [json.loads(one["body"])["data"]["email"] for one in told] == [None]


def test_two_people_of_one_mail_are_erased_at_once(desk: Desk, call: Call) -> None:
    """Each erasure goes by what it has noted itself."""
    other = "max@mustermann.example"
    desk.mail(desk.mailbox(), "bob@other.example", ERIKA, other)
    requests = [desk.ask("erasure", email=one).json for one in (ERIKA, other)]
    for request in requests:
        desk.begin(request)
    for _ in range(2):
        desk.wait()
        desk.tick()
    assert {desk.get(one).json["state"] for one in requests} == {"done"}
    noted = desk.database.admin(
        "select distinct request_id from privacy_erased where workspace_id = %(w)s",
        w=desk.workspace.id,
    )
    assert {str(one["request_id"]) for one in noted} == {one["id"] for one in requests}
    assert grep(desk, ERIKA, other) == {}


def test_what_was_on_its_way_is_erased_in_the_second_round(desk: Desk) -> None:
    """A task that an automation made of an event, and a contact somebody made, in between."""
    box = desk.mailbox(ANA)
    email = desk.mail(box, ERIKA, ANA)
    answer = desk.ask("erasure", email=ERIKA)
    desk.begin(answer.json)
    between = desk.get(answer.json).json
    assert (between["state"], between["round"], between["email"]) == ("waiting", 2, ERIKA)
    desk.database.admin(
        """
        insert into tasks (workspace_id, id, title, email_id, created_by)
        values (%(w)s, gen_random_uuid(), %(title)s, %(email)s, 'automation:x')
        """,
        w=desk.workspace.id,
        title=f"Call {ERIKA}",
        email=email,
    )
    desk.contact()
    desk.mail(box, ERIKA, ANA, text="fetched meanwhile")
    desk.tick()
    assert desk.get(answer.json).json["state"] == "waiting", "not due yet"
    desk.wait()
    desk.tick()
    assert desk.get(answer.json).json["state"] == "done"
    assert grep(desk, ERIKA, NAME) == {}
