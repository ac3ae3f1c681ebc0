"""One change of everything that a filter lets through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from functions.contacts.api import handler
from functions.gateway.api.batch import handler as operations
from shared.access import access_of
from shared.testing import Answer, Call, EventsOf, NewWorkspace, Workspace
from shared.tests.attempts import Crowd, crowd

URL = "/api/v1/contacts/bulk-edit"
ACME = {"field": "company", "op": "eq", "value": "Acme"}


def _edit(call: Call, change: Any, which: Any = ACME, **options: Any) -> Answer:
    more = {"limit": options.pop("limit")} if "limit" in options else {}
    return call(handler, "POST", URL, {"filter": which, "change": change} | more, **options)


@pytest.fixture
def people(call: Call) -> list[str]:
    """Three of Acme's, the first two with tags, and another's."""
    made = [
        {"name": "Ada", "company": "Acme", "tags": ["old", "vip"]},
        {"name": "Bea", "company": "Acme", "tags": ["old"]},
        {"name": "Cyd", "company": "Acme"},
        {"name": "Dot", "company": "Other", "tags": ["old"]},
    ]
    return [call(handler, "POST", "/api/v1/contacts", one).json["id"] for one in made]


def _there(call: Call, field: str) -> dict[str, Any]:
    found = call(handler, "GET", "/api/v1/contacts?limit=200").json["items"]
    return {one["name"]: one[field] for one in found}


def test_whatever_the_filter_lets_through_is_changed_and_nothing_else(
    call: Call, people: list[str], events_of: EventsOf, workspace: Workspace
) -> None:
    answer = _edit(call, {"company": "Acme Inc.", "phone": "1"})
    assert (answer.status, answer.json["changed"], answer.json["more"]) == (200, 3, False)
    by_company = {"Ada": "Acme Inc.", "Bea": "Acme Inc.", "Cyd": "Acme Inc.", "Dot": "Other"}
    assert _there(call, "company") == by_company
    changed = [one["payload"] for one in events_of(workspace) if one["type"] == "ContactChanged"]
    assert {one["aggregate_id"] for one in changed} == set(people[:3])
    assert {tuple(sorted(one["changed"])) for one in changed} == {("company", "phone")}
    assert {one["aggregate_version"] for one in changed} == {2}


def test_tags_are_added_and_removed_in_their_order(call: Call, people: list[str]) -> None:
    assert people
    answer = _edit(call, {"add_tags": ["vip", "new"], "remove_tags": ["old"]})
    assert answer.json["changed"] == 3
    expected = {"Ada": ["vip", "new"], "Bea": ["vip", "new"], "Cyd": ["vip", "new"], "Dot": ["old"]}
    assert _there(call, "tags") == expected
    assert _edit(call, {"add_tags": ["vip"]}).json["changed"] == 0
    assert _edit(call, {"tags": None}).json["changed"] == 3
    assert _there(call, "tags") == {"Ada": [], "Bea": [], "Cyd": [], "Dot": ["old"]}


def test_an_event_names_what_changed_of_that_record(
    call: Call, people: list[str], events_of: EventsOf, workspace: Workspace
) -> None:
    _edit(call, {"add_tags": ["vip"], "job_title": None})
    changed = [one["payload"] for one in events_of(workspace) if one["type"] == "ContactChanged"]
    assert {one["aggregate_id"]: one["changed"] for one in changed} == {
        people[1]: ["tags"],
        people[2]: ["tags"],
    }


def test_it_is_undone_as_one_operation(call: Call, people: list[str]) -> None:
    assert people
    before = _there(call, "tags"), _there(call, "company")
    done = _edit(call, {"add_tags": ["x"], "remove_tags": ["old"], "company": None}).json
    url = f"/api/v1/operations/{done['operation_id']}"
    assert call(operations, "GET", url).json["kind"] == "bulk_edit"
    undone = call(operations, "POST", f"{url}/undo")
    assert (undone.status, undone.json["restored"]) == (200, 3)
    assert (_there(call, "tags"), _there(call, "company")) == before


def test_the_same_edit_again_goes_on_until_there_is_no_more(call: Call, people: list[str]) -> None:
    assert people
    went = [_edit(call, {"phone": "1"}, {"all": []}, limit=3).json for _ in range(3)]
    assert [(one["changed"], one["more"]) for one in went] == [(3, True), (1, False), (0, False)]


@pytest.mark.parametrize(
    ("change", "status", "pointer"),
    [
        ({"email": "a@example.com"}, 422, "/change/email"),
        ({"name": "All the same"}, 422, "/change/name"),
        ({"tags": ["a"], "add_tags": ["b"]}, 422, "/change/tags"),
        ({"add_tags": ["a"], "remove_tags": ["a"]}, 422, "/change/tags"),
        ({"owner_id": str(uuid4())}, 422, "/change/owner_id"),
        ({"add_tags": [f"t{n}" for n in range(50)]}, 422, "/change/add_tags"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changes(
    call: Call, people: list[str], change: dict[str, Any], status: int, pointer: str
) -> None:
    assert people
    before = _there(call, "tags")
    refused = _edit(call, change)
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (status, pointer)
    assert _there(call, "tags") == before
    assert call(operations, "GET", "/api/v1/operations").json["items"] == []


def test_an_unknown_field_of_the_filter_is_pointed_at(call: Call) -> None:
    refused = _edit(call, {"phone": "1"}, {"field": "colour", "op": "eq", "value": "red"})
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (400, "/filter/field")


def test_it_reaches_as_far_as_the_caller_and_no_further(
    call: Call, people: list[str], new_workspace: NewWorkspace, workspace: Workspace
) -> None:
    assert people
    own = access_of("contacts.read:own contacts.write")
    beside = Workspace(workspace.id, uuid4())
    assert _edit(call, {"phone": "1"}, access=own, workspace=beside).json["changed"] == 0
    assert _edit(call, {"phone": "1"}, workspace=new_workspace()).json["changed"] == 0
    assert _edit(call, {"phone": "1"}, access=access_of("contacts.read")).status == 403
    hidden = access_of("contacts.read contacts.write -contacts.phone -contacts.company")
    refused = _edit(call, {"phone": "1"}, {"all": []}, access=hidden)
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (403, "/change/phone")
    assert _edit(call, {"job_title": "CTO"}, access=hidden).status == 400, "the filter tells it"
    assert set(_there(call, "phone").values()) == {None}


@pytest.fixture(scope="module")
def everybody() -> Iterator[Crowd]:
    with crowd(4) as environments:
        yield environments


def test_two_edits_at_once_both_have_their_effect(
    call: Call, people: list[str], everybody: Crowd
) -> None:
    assert people
    entry = "functions.contacts.api.handler"
    answers = everybody.at_once(
        call, entry, "POST", URL, {"filter": {"all": []}, "change": {"add_tags": ["both"]}}
    )
    assert {one.status for one in answers} == {200}
    assert sum(one.json["changed"] for one in answers) == 4
    assert all("both" in tags for tags in _there(call, "tags").values())
