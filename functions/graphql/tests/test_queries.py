"""Reading: things by id, connections forward and back, filters, orders, links."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from functions.contacts.api import handler as contacts_api
from functions.graphql.ids import encode_id
from functions.graphql.tests.scenes import People, ask, codes_of, data_of, settle
from shared.testing import Call, Database, NewMember, Workspace

_NOWHERE = UUID("0190a000-0000-7000-8000-000000000001")


@pytest.fixture
def people(database: Database, workspace: Workspace) -> People:
    return settle(database, workspace, 7)


def test_anything_is_found_by_its_global_id(call: Call, people: People) -> None:
    ids = people.ids
    asked = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
    found = data_of(ask(call, asked, {"ids": [*ids.values(), "nothing"]}))["nodes"]
    assert found == [*({"__typename": kind, "id": one} for kind, one in ids.items()), None]
    one = "query ($id: ID!) { node(id: $id) { ... on Contact { name uuid } } }"
    assert data_of(ask(call, one, {"id": ids["Contact"]}))["node"] == {
        "name": "Person 1",
        "uuid": str(people.contacts[0]),
    }


@pytest.mark.parametrize("kind", ["Contact", "Task", "Thread", "Email", "Mailbox", "Member"])
def test_one_of_a_kind_is_found_by_either_id(call: Call, people: People, kind: str) -> None:
    field = kind.lower()
    asked = f"query ($id: ID!) {{ {field}(id: $id) {{ id uuid }} }}"
    found = data_of(ask(call, asked, {"id": people.ids[kind]}))[field]
    assert found["id"] == people.ids[kind]
    assert data_of(ask(call, asked, {"id": found["uuid"]}))[field] == found


@pytest.mark.parametrize(
    "identifier", ["", "x", "Ä", str(_NOWHERE), encode_id("Contact", _NOWHERE), "e30", "x" * 300]
)
def test_an_id_that_names_nothing_is_null(call: Call, people: People, identifier: str) -> None:
    asked = (
        "query ($id: ID!) { contact(id: $id) { name } node(id: $id) { id } task(id: $id) { id } }"
    )
    assert set(data_of(ask(call, asked, {"id": identifier})).values()) == {None}


def test_an_id_of_another_kind_is_null(call: Call, people: People) -> None:
    asked = "query ($id: ID!) { task(id: $id) { id } }"
    assert data_of(ask(call, asked, {"id": people.ids["Contact"]})) == {"task": None}


_PAGE = """
    query ($first: Int, $after: String, $last: Int, $before: String, $sort: Sort) {
      tasks(first: $first, after: $after, last: $last, before: $before, sort: $sort) {
        edges { cursor node { title } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        totalCount
      }
    }
"""


def _titles(page: dict[str, Any]) -> list[str]:
    return [edge["node"]["title"] for edge in page["edges"]]


@pytest.mark.parametrize(
    "sort", [None, {"field": "due_at"}, {"field": "due_at", "direction": "desc"}]
)
def test_pages_follow_each_other_either_way(
    call: Call, people: People, sort: dict[str, str] | None
) -> None:
    whole = data_of(ask(call, _PAGE, {"sort": sort}))["tasks"]
    assert (len(whole["edges"]), whole["totalCount"]) == (14, 14)
    assert whole["pageInfo"]["hasNextPage"] is whole["pageInfo"]["hasPreviousPage"] is False
    for size, cursor, more, end in (
        ("first", "after", "hasNextPage", "endCursor"),
        ("last", "before", "hasPreviousPage", "startCursor"),
    ):
        seen: list[str] = []
        at: str | None = None
        while True:
            page = data_of(ask(call, _PAGE, {size: 4, cursor: at, "sort": sort}))["tasks"]
            titles = _titles(page)
            seen = seen + titles if size == "first" else titles + seen
            at = page["pageInfo"][end]
            if not page["pageInfo"][more]:
                break
        assert seen == _titles(whole)


def test_its_cursors_are_those_of_the_other_lists(call: Call, people: People) -> None:
    listed = call(contacts_api, "GET", "/api/v1/contacts?limit=3").json
    asked = """
        query ($after: String) {
          contacts(first: 3, after: $after) { nodes { uuid } pageInfo { endCursor } }
        }
    """
    page = data_of(ask(call, asked, {"after": listed["next_cursor"]}))["contacts"]
    assert [one["uuid"] for one in page["nodes"]] == [str(one) for one in people.contacts[3:6]]
    again = call(contacts_api, "GET", f"/api/v1/contacts?cursor={page['pageInfo']['endCursor']}")
    assert [one["id"] for one in again.json["items"]] == [str(people.contacts[6])]


def test_lists_are_filtered_and_sorted_by_the_one_grammar(call: Call, people: People) -> None:
    asked = """
        query ($filter: JSON) {
          contacts(filter: $filter, sort: {field: "name", direction: desc}) { nodes { name } }
        }
    """
    some = {"field": "company", "op": "in", "value": ["Company 1", "Company 3"]}
    found = data_of(ask(call, asked, {"filter": some}))["contacts"]["nodes"]
    assert [one["name"] for one in found] == ["Person 3", "Person 1"]


def test_pages_within_others_are_each_its_own(call: Call, people: People) -> None:
    asked = """
        { contacts { nodes {
          name
          tasks(first: 1, sort: {field: "due_at"}) {
            nodes { title contact { name } }
            pageInfo { hasNextPage endCursor }
            totalCount
          }
          done: tasks(filter: {field: "status", op: "eq", value: "done"}) { nodes { id } }
        } } }
    """
    found = data_of(ask(call, asked))["contacts"]["nodes"]
    assert [one["name"] for one in found] == [f"Person {n}" for n in range(1, 8)]
    for n, one in enumerate(found, start=1):
        assert one["tasks"]["nodes"] == [
            {"title": f"Task {2 * n}", "contact": {"name": one["name"]}}
        ]
        assert one["tasks"]["pageInfo"]["hasNextPage"] is True
        assert one["tasks"]["totalCount"] is None
        assert one["done"]["nodes"] == []


def test_links_lead_from_capability_to_capability(call: Call, people: People) -> None:
    asked = """
        query ($id: ID!) { thread(id: $id) {
          emailCount
          mailbox { address }
          emails(last: 1) { nodes {
            subject
            contact { name tasks { nodes { title } } }
            tasks { nodes { title email { thread { id } } } }
            content { text reply participants { role email } entities { kind } }
          } }
        } }
    """
    found = data_of(ask(call, asked, {"id": people.ids["Thread"]}))["thread"]
    assert found["emailCount"] == 2
    assert found["emails"]["nodes"] == [
        {
            "subject": "Subject",
            "contact": {
                "name": "Person 1",
                "tasks": {"nodes": [{"title": "Task 1"}, {"title": "Task 2"}]},
            },
            "tasks": {
                "nodes": [{"title": "Task 2", "email": {"thread": {"id": people.ids["Thread"]}}}]
            },
            "content": {
                "text": "All the words",
                "reply": "Words",
                "participants": [{"role": "from", "email": "person@example.com"}],
                "entities": [],
            },
        }
    ]


def test_members_are_found_by_what_is_theirs(
    call: Call, people: People, workspace: Workspace, new_member: NewMember
) -> None:
    colleague = new_member(workspace)
    asked = """
        {
          members { nodes { uuid name role endedAt } totalCount }
          contacts(first: 1) { nodes { owner { uuid email } } }
          tasks(first: 1) { nodes { owner { name } } }
          mailboxes { nodes { member { role } } }
        }
    """
    found = data_of(ask(call, asked))
    assert found["members"] == {
        "nodes": [
            {"uuid": str(colleague.user_id), "name": "Member", "role": "member", "endedAt": None},
            {"uuid": str(workspace.user_id), "name": "Owner", "role": "owner", "endedAt": None},
        ],
        "totalCount": 2,
    }
    owner = {"uuid": str(workspace.user_id), "email": f"{workspace.user_id}@example.com"}
    assert found["contacts"]["nodes"] == [{"owner": owner}]
    assert found["tasks"]["nodes"] == [{"owner": {"name": "Owner"}}]
    assert found["mailboxes"]["nodes"] == [{"member": {"role": "owner"}}]


def test_the_workspace_is_there_once(call: Call, workspace: Workspace) -> None:
    found = data_of(ask(call, "{ workspace { id uuid name } }"))["workspace"]
    assert (found["uuid"], found["name"]) == (str(workspace.id), "Test")
    asked = "query ($id: ID!) { node(id: $id) { ... on Workspace { name } } }"
    assert data_of(ask(call, asked, {"id": found["id"]}))["node"] == {"name": "Test"}


_WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    ("first: $n", {"n": 0}, "invalid_page", "/variables/n"),
    ("first: $n", {"n": 201}, "invalid_page", "/variables/n"),
    ("last: $n", {"n": -1}, "invalid_page", "/variables/n"),
    ("first: 1, last: $n", {"n": 1}, "invalid_page", "/variables/n"),
    ("after: $s", {"s": "nowhere"}, "invalid_cursor", "/variables/s"),
    ("before: $s", {"s": "x" * 3000}, "invalid_cursor", "/variables/s"),
    (
        "filter: $f",
        {"f": {"field": "x", "op": "eq", "value": 1}},
        "invalid_filter",
        "/variables/f/field",
    ),
    ("filter: {all: [$f]}", {"f": {"not": 1}}, "invalid_filter", "/variables/f/not"),
    ("filter: $f", {"f": "text"}, "invalid_filter", "/variables/f"),
    ("filter: {any: 1}", {}, "invalid_filter", "/query"),
    ("sort: {field: $s}", {"s": "phone"}, "invalid_sort", "/variables/s"),
]


@pytest.mark.parametrize(("arguments", "variables", "code", "pointer"), _WRONG)
def test_what_there_is_not_is_an_error_that_points(
    call: Call, arguments: str, variables: dict[str, Any], code: str, pointer: str
) -> None:
    types = {"n": "Int", "s": "String!", "f": "JSON"}
    declared = "".join(f"(${name}: {types[name]})" for name in variables)
    answer = ask(
        call, f"query {declared} {{ contacts({arguments}) {{ nodes {{ id }} }} }}", variables
    )
    assert answer.json["data"] == {"contacts": None}
    [error] = answer.json["errors"]
    assert error["path"] == ["contacts"]
    assert (error["extensions"]["code"], error["extensions"]["status"]) == (code, 400)
    assert [one["pointer"] for one in error["extensions"]["errors"]] == [pointer]


def test_more_ids_than_a_page_has_are_refused(call: Call) -> None:
    asked = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    answer = ask(call, asked, {"ids": ["x"] * 201})
    assert codes_of(answer) == ["invalid_page"]
    assert answer.json["data"] is None
