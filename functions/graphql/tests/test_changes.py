"""Mutations: what they change, that they happen together, and once."""

from __future__ import annotations

from typing import Any

import pytest

from functions.contacts.api import handler as contacts_api
from functions.graphql.api import handler
from functions.graphql.tests.scenes import URL, ask, codes_of, data_of
from shared.access import ROLES
from shared.ids import uuid7
from shared.testing import Call, EventsOf, NewMember, Workspace

_CREATE = """
    mutation ($input: NewContact!) {
      createContact(input: $input) { contact { id version name } }
    }
"""
_UPDATE = """
    mutation ($id: ID!, $version: Int!, $input: ContactChange!) {
      updateContact(id: $id, ifVersion: $version, input: $input) {
        contact { version name phone jobTitle tags }
      }
    }
"""
_DELETE = """
    mutation ($id: ID!, $version: Int) {
      deleteContact(id: $id, ifVersion: $version) { deletedId }
    }
"""


def _created(call: Call, **fields: Any) -> dict[str, Any]:
    answer = ask(call, _CREATE, {"input": {"name": "Ada", **fields}})
    return data_of(answer)["createContact"]["contact"]


def test_a_contact_lives_and_dies(call: Call, events_of: EventsOf, workspace: Workspace) -> None:
    made = _created(call, phone="+1 202 555 0100", tags=["vip"])
    change = {"id": made["id"], "version": 1, "input": {"jobTitle": "CTO", "phone": None}}
    changed = data_of(ask(call, _UPDATE, change))["updateContact"]["contact"]
    assert changed == {
        "version": 2,
        "name": "Ada",
        "phone": None,
        "jobTitle": "CTO",
        "tags": ["vip"],
    }
    gone = data_of(ask(call, _DELETE, {"id": made["id"], "version": 2}))
    assert gone == {"deleteContact": {"deletedId": made["id"]}}
    assert [event["type"] for event in events_of(workspace)] == [
        "ContactCreated",
        "ContactChanged",
        "ContactDeleted",
    ]


def test_a_task_lives_and_dies(call: Call, workspace: Workspace) -> None:
    contact = _created(call)
    create = """
        mutation ($input: NewTask!) {
          createTask(input: $input) { task { id uuid status dueAt ownerId contact { id } } }
        }
    """
    given = {
        "title": "Call",
        "contactId": contact["id"],
        "dueAt": "2027-01-01T10:00:00+01:00",
        "ownerId": str(workspace.user_id),
    }
    made = data_of(ask(call, create, {"input": given}))["createTask"]["task"]
    assert made["contact"] == {"id": contact["id"]}
    assert (made["status"], made["dueAt"]) == ("open", "2027-01-01T09:00:00+00:00")
    assert made["ownerId"] == str(workspace.user_id)
    update = """
        mutation ($id: ID!) {
          updateTask(id: $id, ifVersion: 1, input: {status: done, contactId: null}) {
            task { status contactId }
          }
        }
    """
    changed = data_of(ask(call, update, {"id": made["uuid"]}))["updateTask"]["task"]
    assert changed == {"status": "done", "contactId": None}
    delete = "mutation ($id: ID!) { deleteTask(id: $id) { deletedId } }"
    assert data_of(ask(call, delete, {"id": made["uuid"]}))["deleteTask"] == {
        "deletedId": made["id"]
    }


_WRONG: list[tuple[dict[str, Any], str, list[str]]] = [
    ({"name": ""}, "unprocessable", ["/variables/input/name"]),
    (
        {"name": "A", "jobTitle": "", "tags": ["ok", ""]},
        "unprocessable",
        ["/variables/input/jobTitle", "/variables/input/tags/1"],
    ),
    ({"name": "A", "ownerId": "nobody"}, "unprocessable", ["/variables/input/ownerId"]),
    ({"name": "A", "ownerId": str(uuid7())}, "unknown_owner", ["/variables/input/ownerId"]),
    ({"name": "A", "email": "\ud800"}, "unprocessable", ["/variables/input/email"]),
    ({}, "invalid_variables", ["/variables/input"]),
    ({"name": "A", "emial": "x"}, "invalid_variables", ["/variables/input"]),
    (
        {"name": 1, "tags": [2]},
        "invalid_variables",
        ["/variables/input/name", "/variables/input/tags/0"],
    ),
]


def test_what_is_wrong_a_thousand_times_is_told_a_few_times(call: Call) -> None:
    answer = ask(call, _CREATE, {"input": {"name": "A", "tags": [1] * 1000}})
    assert len(answer.json["errors"][0]["extensions"]["errors"]) == 20
    answer = ask(call, _CREATE, {"input": {"name": "A", "tags": ["x" * 100] * 1000}})
    assert codes_of(answer) == ["unprocessable"]


@pytest.mark.parametrize(("given", "code", "pointers"), _WRONG)
def test_what_is_wrong_with_the_input_is_pointed_at(
    call: Call, given: dict[str, Any], code: str, pointers: list[str]
) -> None:
    answer = ask(call, _CREATE, {"input": given})
    assert answer.json.get("data") is None
    [error] = answer.json["errors"]
    assert error["extensions"]["code"] == code
    assert error["extensions"]["request_id"]
    assert [one["pointer"] for one in error["extensions"]["errors"]] == pointers


def test_what_the_document_says_itself_is_pointed_at_in_words(call: Call) -> None:
    answer = ask(
        call, 'mutation { createContact(input: {name: "", jobTitle: "x"}) { contact { id } } }'
    )
    [wrong] = answer.json["errors"][0]["extensions"]["errors"]
    assert wrong["pointer"] == "/query"
    assert wrong["detail"].startswith("input.name: ")


def test_a_conflict_names_the_other(call: Call) -> None:
    _created(call, email="ada@example.com")
    answer = ask(call, _CREATE, {"input": {"name": "Other", "email": "ADA@example.com"}})
    [error] = answer.json["errors"]
    first = call(contacts_api, "GET", "/api/v1/contacts").json["items"][0]["id"]
    assert error["extensions"]["existing_id"] == first
    assert (error["extensions"]["code"], error["extensions"]["status"]) == ("email_taken", 409)


def test_a_stale_version_changes_nothing(call: Call) -> None:
    made = _created(call)
    for asked, given in (
        (_UPDATE, {"version": 7, "input": {"name": "B"}}),
        (_DELETE, {"version": 7}),
    ):
        assert codes_of(ask(call, asked, {"id": made["id"], **given})) == ["precondition_failed"]
    [left] = call(contacts_api, "GET", "/api/v1/contacts").json["items"]
    assert (left["name"], left["version"]) == ("Ada", 1)


@pytest.mark.parametrize(
    "identifier", ["x", "0190a000-0000-7000-8000-000000000001", "VGFzazowMDAwMDAwMC0wMDAwLTAwMDA"]
)
def test_what_is_not_there_cannot_be_changed(call: Call, identifier: str) -> None:
    answer = ask(call, _DELETE, {"id": identifier})
    assert answer.json["data"] is None
    assert answer.json["errors"][0]["extensions"]["status"] == 404


def test_several_happen_together_or_not_at_all(
    call: Call, events_of: EventsOf, workspace: Workspace
) -> None:
    several = """
        mutation ($second: NewContact!) {
          a: createContact(input: {name: "A"}) { contact { id } }
          b: createContact(input: $second) { contact { id } }
          c: createContact(input: {name: "C"}) { contact { id } }
        }
    """
    failed = ask(call, several, {"second": {"name": ""}})
    assert failed.json["data"] is None
    assert [error["path"] for error in failed.json["errors"]] == [["b"]]
    assert events_of(workspace) == []
    assert call(contacts_api, "GET", "/api/v1/contacts").json["items"] == []
    assert list(data_of(ask(call, several, {"second": {"name": "B"}}))) == ["a", "b", "c"]
    names = [one["name"] for one in call(contacts_api, "GET", "/api/v1/contacts").json["items"]]
    assert names == ["C", "B", "A"]


def test_what_fails_further_down_undoes_the_change(
    call: Call, events_of: EventsOf, workspace: Workspace
) -> None:
    asked = """
        mutation {
          createContact(input: {name: "A"}) { contact { tasks(first: 0) { nodes { id } } } }
        }
    """
    answer = ask(call, asked)
    assert (answer.json["data"], codes_of(answer)) == (None, ["invalid_page"])
    assert events_of(workspace) == []


def test_with_a_key_it_happens_once(call: Call, events_of: EventsOf, workspace: Workspace) -> None:
    asking = {"headers": {"Idempotency-Key": "once"}}
    first = ask(call, _CREATE, {"input": {"name": "Ada"}}, **asking)
    again = ask(call, _CREATE, {"input": {"name": "Ada"}}, **asking)
    assert again.body == first.body
    assert again.headers["idempotency-replayed"] == "true"
    assert len(events_of(workspace)) == 1
    other = call(handler, "POST", URL, {"query": "{ __typename }"}, headers=asking["headers"])
    assert (other.status, other.json["code"]) == (422, "key_reused")


def test_a_change_that_failed_may_be_tried_again_with_its_key(call: Call) -> None:
    asking = {"headers": {"Idempotency-Key": "again"}}
    taken = _created(call, email="ada@example.com")
    given = {"input": {"name": "Other", "email": "ada@example.com"}}
    assert codes_of(ask(call, _CREATE, given, **asking)) == ["email_taken"]
    data_of(ask(call, _DELETE, {"id": taken["id"]}))
    assert data_of(ask(call, _CREATE, given, **asking))


def test_the_workspace_and_its_members_are_changed(
    call: Call, workspace: Workspace, new_member: NewMember, events_of: EventsOf
) -> None:
    member = new_member(workspace, "viewer")
    before = data_of(
        ask(call, "{ workspace { id version } members { nodes { id uuid version role } } }")
    )
    [found] = [one for one in before["members"]["nodes"] if one["uuid"] == str(member.user_id)]
    rename = """
        mutation ($id: ID!, $version: Int!) {
          updateWorkspace(id: $id, ifVersion: $version, input: {name: "Engines"}) {
            workspace { name version }
          }
        }
    """
    renamed = data_of(ask(call, rename, before["workspace"]))["updateWorkspace"]["workspace"]
    assert renamed == {"name": "Engines", "version": before["workspace"]["version"] + 1}
    assert codes_of(ask(call, rename, before["workspace"])) == ["precondition_failed"]

    promote = """
        mutation ($id: ID!, $version: Int!, $input: MemberChange!) {
          updateMember(id: $id, ifVersion: $version, input: $input) { member { role version } }
        }
    """
    given = {"id": found["id"], "version": found["version"], "input": {"role": "member"}}
    changed = data_of(ask(call, promote, given))["updateMember"]["member"]
    assert changed == {"role": "member", "version": found["version"] + 1}
    unknown = given | {"version": changed["version"], "input": {"roleId": str(uuid7())}}
    [error] = ask(call, promote, unknown).json["errors"]
    assert error["extensions"]["errors"][0]["pointer"] == "/variables/input/roleId"
    admin = ask(call, promote, given | {"version": 2, "input": {"role": "owner"}},
        access=ROLES["admin"])  # fmt: skip
    assert codes_of(admin) == ["more_than_yours"]

    remove = """
        mutation ($id: ID!, $version: Int) {
          removeMember(id: $id, ifVersion: $version) { deletedId }
        }
    """
    stale = ask(call, remove, {"id": found["id"], "version": found["version"]})
    assert codes_of(stale) == ["precondition_failed"]
    gone = data_of(ask(call, remove, {"id": found["id"], "version": changed["version"]}))
    assert gone == {"removeMember": {"deletedId": found["id"]}}
    assert [one["type"] for one in events_of(workspace)] == [
        "WorkspaceChanged",
        "MemberChanged",
        "MemberLeft",
    ]
