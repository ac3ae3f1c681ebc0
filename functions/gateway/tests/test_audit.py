"""`GET /api/v1/audit`: what is found, in which order, and by whom."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from events.auth import PasswordChanged, SessionOpened
from functions.contacts.api import handler as contacts
from functions.gateway.api.callers import handler
from shared.access import EVERYTHING, ROLES, access_of
from shared.db import transaction
from shared.ids import uuid7
from shared.origin import Origin, coming_from
from shared.testing import (
    Call,
    NewMember,
    NewWorkspace,
    Workspace,
    read_all,
)

URL = "/api/v1/audit"


@pytest.fixture
def contact(call: Call) -> str:
    """The URL of a contact that was created, changed and deleted."""
    made = call(contacts, "POST", "/api/v1/contacts", {"name": "Ada", "phone": "+12025550147"})
    url: str = made.headers["location"]
    any_version = {"If-Match": "*"}
    call(contacts, "PATCH", url, {"name": "Bea", "phone": "+12025550148"}, headers=any_version)
    assert call(contacts, "DELETE", url).status == 204
    return url


def _found(call: Call, query: str = "", **options: Any) -> list[dict[str, Any]]:
    answer = call(handler, "GET", f"{URL}?limit=100{query}", **options)
    assert answer.status == 200, answer.json
    return answer.json["items"]


def test_it_tells_every_change_newest_first(call: Call, contact: str, workspace: Workspace) -> None:
    deleted, changed, created = _found(call, "&object_type=contacts")
    assert [one["action"] for one in (deleted, changed, created)] == [
        "deleted",
        "changed",
        "created",
    ]
    assert changed["before"] == {"name": "Ada", "phone": "+12025550147"}
    assert changed["after"] == {"name": "Bea", "phone": "+12025550148"}
    assert {one["object_id"] for one in (deleted, changed, created)} == {contact[-36:]}
    assert {one["actor"] for one in (deleted, changed, created)} == {f"user:{workspace.user_id}"}
    assert {one["source_ip"] for one in (deleted, changed, created)} == {"127.0.0.1"}
    assert {one["user_agent"] for one in (deleted, changed, created)} == {"pytest"}
    assert len({one["request_id"] for one in (deleted, changed, created)}) == 3


def test_the_request_is_the_one_that_its_problem_would_name(call: Call) -> None:
    seen: list[str] = []

    def noting(event: dict[str, Any], context: Any) -> Any:
        seen.append(event["requestContext"]["requestId"])
        return contacts(event, context)

    call(noting, "POST", "/api/v1/contacts", {"name": "Ada"})
    [created] = _found(call, "&object_type=contacts")
    assert [created["request_id"]] == seen


def test_events_of_ways_in_are_in_it_with_their_place_in_the_feed(
    call: Call, workspace: Workspace
) -> None:
    person, session = workspace.user_id, uuid7()
    origin = Origin("192.0.2.1", "agent", "r")
    with coming_from(origin), transaction(workspace.id, user_id=person) as tx:
        tx.emit(SessionOpened(**tx.envelope(session), user_id=person, method="totp"))
        with tx.acting_as("system:auth"):
            tx.emit(PasswordChanged(**tx.envelope(person), by="link"))
    changed, opened = _found(call)[:2]
    assert opened.pop("at")
    assert opened.pop("id")
    assert opened == {
        "actor": f"user:{person}",
        "action": "SessionOpened",
        "object_type": "sessions",
        "object_id": str(session),
        "before": None,
        "after": {"user_id": str(person), "method": "totp"},
        "source_ip": "192.0.2.1",
        "user_agent": "agent",
        "request_id": "r",
        "position": 1,
    }
    assert (changed["action"], changed["actor"]) == ("PasswordChanged", "system:auth")
    assert (changed["object_type"], changed["position"]) == ("people", 2)


def test_events_of_what_a_table_tells_are_not_in_it_twice(call: Call, contact: str) -> None:
    assert {one["position"] for one in _found(call)} == {None}


@pytest.mark.parametrize(
    ("query", "actions"),
    [
        ("&action=changed", ["changed"]),
        ("&object_type=contacts&action=deleted", ["deleted"]),
        ("&object_type=workspaces", ["created"]),
        ("&actor=user:{user}", ["deleted", "changed", "created"]),
        ("&actor=user:{user}&action=created", ["created"]),
        ("&actor=database:postgres&object_type=memberships", ["created"]),
        ("&object_id={contact}", ["deleted", "changed", "created"]),
        ("&object_id={contact}&object_type=tasks", []),
        ("&object_id={user}", ["created"]),
        ("&actor=key:nobody", []),
    ],
)
def test_it_is_asked_by_who_what_and_which(
    call: Call, contact: str, workspace: Workspace, query: str, actions: list[str]
) -> None:
    asked = query.format(user=workspace.user_id, contact=contact[-36:])
    assert [one["action"] for one in _found(call, asked)] == actions


def test_it_is_asked_by_when(call: Call, contact: str) -> None:
    deleted, changed, created = _found(call, "&object_type=contacts")

    def between(since: str | None, until: str | None) -> list[str]:
        asked = f"&since={since}" if since else ""
        asked += f"&until={until}" if until else ""
        return [one["id"] for one in _found(call, "&object_type=contacts" + asked)]

    assert between(changed["at"], None) == [deleted["id"], changed["id"]]
    assert between(None, changed["at"]) == [created["id"]]
    assert between(changed["at"], deleted["at"]) == [changed["id"]]
    assert between(created["at"], created["at"]) == []
    elsewhere = datetime.fromisoformat(changed["at"]) + timedelta(microseconds=1)
    assert between(elsewhere.isoformat(), None) == [deleted["id"]]
    assert between("1970-01-01T00:00:00Z", "2200-12-31T23:59:59+14:00")[-1] == created["id"]


def test_pages_are_without_holes(call: Call, contact: str) -> None:
    whole = _found(call)
    assert len(whole) == 5
    assert read_all(call, handler, f"{URL}?limit=2") == whole
    assert read_all(call, handler, f"{URL}?limit=1&object_type=contacts") == [
        one for one in whole if one["object_type"] == "contacts"
    ]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("object_id=7", "/query/object_id"),
        ("actor=\0", "/query/actor"),
        ("actor=", "/query/actor"),
        ("action=a b", "/query/action"),
        ("action=changed\n", "/query/action"),
        ("object_type=é", "/query/object_type"),
        ("since=yesterday", "/query/since"),
        ("since=2026-01-01T00:00:00", "/query/since"),
        ("until=0001-01-01T00:00:00+14:00", "/query/until"),
        ("until=9999-12-31T23:59:59-14:00", "/query/until"),
        ("limit=0", "/query/limit"),
        ("cursor=x", "/query/cursor"),
    ],
)
def test_what_cannot_be_asked_is_said(call: Call, query: str, pointer: str) -> None:
    answer = call(handler, "GET", f"{URL}?{query}")
    assert answer.status in (400, 422), answer.body
    assert [one["pointer"] for one in answer.json["errors"]] == [pointer]


def test_who_may_not_read_it_is_refused(call: Call) -> None:
    for access in (ROLES["member"], ROLES["viewer"]):
        assert call(handler, "GET", URL, access=access).status == 403
    assert call(handler, "GET", URL, access=access_of("audit.read")).status == 200


def test_hidden_fields_are_hidden_here_too(call: Call, contact: str) -> None:
    access = access_of("audit.read -contacts.phone")
    deleted, changed, created = _found(call, "&object_type=contacts", access=access)
    assert changed["before"] == {"name": "Ada", "phone": "***"}
    assert changed["after"] == {"name": "Bea", "phone": "***"}
    assert (deleted["before"]["phone"], created["after"]["phone"]) == ("***", "***")
    assert "+1202555" not in str([deleted, changed, created])


def test_every_member_and_no_other_workspace_is_in_it(
    call: Call,
    contact: str,
    workspace: Workspace,
    new_member: NewMember,
    new_workspace: NewWorkspace,
) -> None:
    them = new_member(workspace)
    call(
        contacts, "POST", "/api/v1/contacts", {"name": "C"}, workspace=them, access=ROLES["member"]
    )
    assert _found(call, f"&actor=user:{them.user_id}")[0]["after"]["name"] == "C"
    assert {one["object_type"] for one in _found(call, workspace=new_workspace())} == {
        "memberships",
        "workspaces",
    }


def test_what_a_batch_of_changes_did_is_one_request(
    call: Call, workspace: Workspace, as_role: Callable[[str], None]
) -> None:
    request = uuid4().hex
    origin = Origin(request_id=request)
    with coming_from(origin), transaction(workspace.id, access=EVERYTHING) as tx:
        for n in range(3):
            query = """
                insert into teams (workspace_id, id, name)
                values (%(workspace_id)s, %(id)s, %(name)s)
            """
            tx.run(query, id=uuid7(), name=str(n))
    assert [one["after"]["name"] for one in _found(call, "&object_type=teams")] == ["2", "1", "0"]
    assert {one["request_id"] for one in _found(call, "&object_type=teams")} == {request}
