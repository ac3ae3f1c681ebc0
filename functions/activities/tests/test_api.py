"""The tasks API, through its real Lambda handler and a real database."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from functions.activities.api import handler
from functions.contacts.api import handler as contacts
from functions.contacts.tests.scenes import make_contact
from shared.ids import uuid7
from shared.testing import Call, Database, EventsOf, NewWorkspace, Workspace, read_all

URL = "/api/v1/tasks"


def _create(call: Call, **fields: Any) -> dict[str, Any]:
    answer = call(handler, "POST", URL, {"title": "Call Ada", **fields})
    assert answer.status == 201, answer.json
    return answer.json


@pytest.fixture
def known_email(database: Database) -> Callable[[Workspace], str]:
    """Makes a mail that the workspace's ledger knows."""

    def make(workspace: Workspace) -> str:
        email_id = uuid7()
        database.admin(
            """
            with mailbox as (
                insert into mailboxes (workspace_id, id, user_id, provider, address, credentials)
                values (%(w)s, %(id)s, %(user)s, 'gmail', %(id)s || '@example.com', '')
            )
            insert into mail_ledger (workspace_id, mailbox_id, provider_id, state, listed, email_id)
            values (%(w)s, %(id)s, 'one', 'stored', false, %(id)s)
            """,
            w=workspace.id,
            id=email_id,
            user=workspace.user_id,
        )
        return str(email_id)

    return make


def _ids(call: Call, query: str, **options: Any) -> list[str]:
    answer = call(handler, "GET", f"{URL}{query}", **options)
    assert answer.status == 200, answer.json
    return [item["id"] for item in answer.json["items"]]


def test_a_created_task_can_be_read_again(
    call: Call, workspace: Workspace, known_email: Callable[[Workspace], str]
) -> None:
    contact_id, email_id = make_contact(call)["id"], known_email(workspace)
    created = _create(
        call,
        title="  Call\tAda ",
        notes="First line\r\nsecond\x00 line",
        due_at="2026-03-01T10:00:00+01:00",
        contact_id=contact_id,
        email_id=email_id,
        source="Please call me on Monday.",
    )
    assert (created["title"], created["notes"]) == ("Call Ada", "First line\nsecond line")
    assert (created["status"], created["due_at"]) == ("open", "2026-03-01T09:00:00Z")
    assert (created["contact_id"], created["email_id"]) == (contact_id, email_id)
    assert created["created_by"] == f"user:{workspace.user_id}"
    assert created["automation_run_id"] is None
    read = call(handler, "GET", f"{URL}/{created['id']}")
    assert (read.json, read.headers["etag"]) == (created, '"1"')


def test_every_change_is_one_event(call: Call, workspace: Workspace, events_of: EventsOf) -> None:
    task = _create(call)
    url = f"{URL}/{task['id']}"
    change = {"title": task["title"], "status": "done", "notes": None}
    done = call(handler, "PATCH", url, change, headers={"If-Match": '"1"'})
    assert (done.status, done.json["status"], done.headers["etag"]) == (200, "done", '"2"')
    same = call(handler, "PATCH", url, change, headers={"If-Match": '"2"'})
    assert same.json["version"] == 2
    assert call(handler, "DELETE", url, headers={"If-Match": '"2"'}).status == 204
    events = events_of(workspace)
    assert [event["type"] for event in events] == ["TaskCreated", "TaskChanged", "TaskDeleted"]
    assert {event["payload"]["aggregate_id"] for event in events} == {task["id"]}
    assert [event["payload"]["aggregate_version"] for event in events] == [1, 2, 3]
    assert events[1]["payload"]["changed"] == ["status"]
    assert events[1]["payload"]["status"] == "done"


def test_a_deleted_task_is_gone(call: Call) -> None:
    task = _create(call)
    url = f"{URL}/{task['id']}"
    assert call(handler, "DELETE", url, headers={"If-Match": '"7"'}).status == 412
    assert call(handler, "DELETE", url).status == 204
    assert call(handler, "GET", url).json["code"] == "task_not_found"
    assert call(handler, "DELETE", url).status == 404
    assert _ids(call, "") == []


def test_a_stale_or_missing_if_match_changes_nothing(call: Call) -> None:
    task = _create(call)
    url = f"{URL}/{task['id']}"
    stale = call(handler, "PATCH", url, {"title": "New"}, headers={"If-Match": '"7"'})
    assert (stale.status, stale.json["code"]) == (412, "precondition_failed")
    assert call(handler, "PATCH", url, {"title": "New"}).status == 428
    assert call(handler, "GET", url).json["title"] == "Call Ada"


def test_lists_filter_by_status_contact_and_mail(
    call: Call, workspace: Workspace, known_email: Callable[[Workspace], str]
) -> None:
    contact_id, email_id = make_contact(call)["id"], known_email(workspace)
    plain = _create(call)["id"]
    done = _create(call, status="done", contact_id=contact_id)["id"]
    mailed = _create(call, contact_id=contact_id, email_id=email_id)["id"]
    assert _ids(call, "") == [mailed, done, plain]
    assert _ids(call, "?status=open") == [mailed, plain]
    assert _ids(call, f"?contact_id={contact_id}") == [mailed, done]
    assert _ids(call, f"?contact_id={contact_id}&status=done") == [done]
    assert _ids(call, f"?email_id={email_id}") == [mailed]
    assert _ids(call, f"?email_id={uuid4()}") == []


def test_pages_of_a_filtered_list_follow_each_other(call: Call) -> None:
    made = [_create(call, status="done" if n % 2 else "open")["id"] for n in range(9)]
    seen = [item["id"] for item in read_all(call, handler, f"{URL}?status=open&limit=2")]
    assert seen == made[::-2]


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({}, 422, "/title"),
        ({"title": " \x00 "}, 422, "/title"),
        ({"title": "x" * 201}, 422, "/title"),
        ({"title": "x", "notes": "y" * 10_001}, 422, "/notes"),
        ({"title": "x", "notes": "\ud800"}, 422, "/notes"),
        ({"title": "x", "status": "late"}, 422, "/status"),
        ({"title": "x", "due_at": "2026-03-01T10:00:00"}, 422, "/due_at"),
        ({"title": "x", "due_at": "9999-12-31T23:59:59-23:59"}, 422, "/due_at"),
        ({"title": "x", "due_at": "0001-01-01T00:00:00+23:59"}, 422, "/due_at"),
        ({"title": "x", "contact_id": "7"}, 422, "/contact_id"),
        ({"title": "x", "contact_id": "00000000-0000-0000-0000-000000000000"}, 422, "/contact_id"),
        ({"title": "x", "created_by": "user:1"}, 422, "/created_by"),
        ({"title": "x", "automation_run_id": str(uuid4())}, 422, "/automation_run_id"),
    ],
)
def test_bad_input_is_named_by_a_pointer(call: Call, body: Any, status: int, pointer: str) -> None:
    answer = call(handler, "POST", URL, body)
    assert answer.status == status, answer.json
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("query", "status"),
    [("?status=late", 422), ("?contact_id=7", 422), ("?email_id=7", 422), ("?cursor=x", 400)],
)
def test_a_bad_query_is_refused(call: Call, query: str, status: int) -> None:
    assert call(handler, "GET", f"{URL}{query}").status == status


@pytest.mark.parametrize("field", ["title", "status"])
def test_what_a_task_needs_cannot_be_cleared(call: Call, field: str) -> None:
    url = f"{URL}/{_create(call)['id']}"
    answer = call(handler, "PATCH", url, {field: None}, headers={"If-Match": "*"})
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, f"/{field}")


def test_a_contact_that_is_not_there_is_refused(call: Call, new_workspace: NewWorkspace) -> None:
    foreign = make_contact(partial(call, workspace=new_workspace()))["id"]
    deleted = make_contact(call)["id"]
    assert call(contacts, "DELETE", f"/api/v1/contacts/{deleted}").status == 204
    url = f"{URL}/{_create(call)['id']}"
    for contact_id in (foreign, deleted, str(uuid4())):
        body = {"title": "x", "contact_id": contact_id}
        created = call(handler, "POST", URL, body)
        changed = call(handler, "PATCH", url, body, headers={"If-Match": "*"})
        for answer in (created, changed):
            assert (answer.status, answer.json["code"]) == (422, "unknown_contact")
            assert answer.json["errors"][0]["pointer"] == "/contact_id"
    assert call(handler, "GET", url).json["version"] == 1


def test_a_mail_that_is_not_there_is_refused(
    call: Call, new_workspace: NewWorkspace, known_email: Callable[[Workspace], str]
) -> None:
    url = f"{URL}/{_create(call)['id']}"
    for email_id in (known_email(new_workspace()), str(uuid4())):
        body = {"title": "x", "email_id": email_id}
        created = call(handler, "POST", URL, body)
        changed = call(handler, "PATCH", url, body, headers={"If-Match": "*"})
        for answer in (created, changed):
            assert (answer.status, answer.json["code"]) == (422, "unknown_email")
            assert answer.json["errors"][0]["pointer"] == "/email_id"
    assert call(handler, "GET", url).json["version"] == 1


def test_a_task_outlives_its_contact_and_can_lose_it(call: Call) -> None:
    contact_id = make_contact(call)["id"]
    task = _create(call, contact_id=contact_id)
    assert call(contacts, "DELETE", f"/api/v1/contacts/{contact_id}").status == 204
    url = f"{URL}/{task['id']}"
    done = call(handler, "PATCH", url, {"status": "done"}, headers={"If-Match": "*"})
    assert (done.status, done.json["contact_id"]) == (200, contact_id)
    free = call(handler, "PATCH", url, {"contact_id": None}, headers={"If-Match": "*"})
    assert (free.status, free.json["contact_id"]) == (200, None)


def test_another_workspace_sees_nothing(
    call: Call,
    workspace: Workspace,
    new_workspace: NewWorkspace,
    events_of: EventsOf,
    known_email: Callable[[Workspace], str],
) -> None:
    contact_id, email_id = make_contact(call)["id"], known_email(workspace)
    task = _create(call, contact_id=contact_id, email_id=email_id)
    stranger = new_workspace()
    url = f"{URL}/{task['id']}"
    assert call(handler, "GET", url, workspace=stranger).status == 404
    for query in ("", "?status=open", f"?contact_id={contact_id}", f"?email_id={email_id}"):
        assert _ids(call, query, workspace=stranger) == []
    change = {"title": "x"}
    headers = {"If-Match": "*"}
    changed = call(handler, "PATCH", url, change, headers=headers, workspace=stranger)
    assert changed.status == 404
    assert call(handler, "DELETE", url, workspace=stranger).status == 404
    assert call(handler, "GET", url).json == task
    assert events_of(stranger) == []
