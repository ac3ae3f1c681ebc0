"""Tasks by filter, and whose a task is."""

import json
from typing import Any

import pytest

from functions.activities.api import handler
from functions.contacts.tests.scenes import make_contact
from shared.access import access_of
from shared.ids import uuid7
from shared.testing import Answer, Call, NewMember, Workspace

URL = "/api/v1/tasks"
OPEN = {"field": "status", "op": "eq", "value": "open"}


def _make(call: Call, **fields: Any) -> dict[str, Any]:
    answer = call(handler, "POST", URL, {"title": "Call", **fields})
    assert answer.status == 201, answer.json
    return answer.json


def _query(call: Call, **body: Any) -> Answer:
    return call(handler, "POST", f"{URL}/query", body)


def _titles(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.json
    return [item["title"] for item in answer.json["items"]]


def test_tasks_are_found_by_their_fields(call: Call, workspace: Workspace) -> None:
    contact = make_contact(call)["id"]
    _make(call, title="Call Ada", contact_id=contact, due_at="2026-03-01T09:00:00Z")
    _make(call, title="Write", status="done")
    by_contact = {"field": "contact_id", "op": "eq", "value": contact.upper()}
    overdue = {"field": "due_at", "op": "lt", "value": "2026-03-01T10:00:00+01:30"}
    mine = {"field": "owner_id", "op": "eq", "value": str(workspace.user_id)}
    maker = {"field": "created_by", "op": "eq", "value": f"user:{workspace.user_id}"}
    for filter_, found in (
        ({"all": [by_contact, OPEN, mine, maker]}, ["Call Ada"]),
        (overdue, []),
        ({"not": overdue}, ["Write", "Call Ada"]),
        ({"field": "due_at", "op": "exists", "value": False}, ["Write"]),
        ({"field": "status", "op": "not_in", "value": ["open"]}, ["Write"]),
        ({"field": "title", "op": "contains", "value": "ADA"}, ["Call Ada"]),
    ):
        assert _titles(_query(call, filter=filter_)) == found
        assert _titles(call(handler, "GET", f"{URL}?query={json.dumps(filter_)}")) == found


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_tasks_without_a_date_are_due_at_the_end_of_time(call: Call, direction: str) -> None:
    days = ["2026-03-02", None, "2026-03-01", None, "2026-03-02", None]
    for n, day in enumerate(days):
        _make(call, title=f"{n}", due_at=f"{day}T09:00:00Z" if day else None)
    expected = ["2", "0", "4", "1", "3", "5"]
    if direction == "desc":
        expected.reverse()
    for limit in (1, 2, 4, 6):
        seen: list[str] = []
        asked = {"sort": [{"field": "due_at", "direction": direction}], "limit": limit}
        page = _query(call, **asked)
        while page.json["next_cursor"]:
            seen += _titles(page)
            page = _query(call, **asked, cursor=page.json["next_cursor"])
        assert seen + _titles(page) == expected


def test_a_query_narrows_what_parameters_ask_for(call: Call) -> None:
    contact = make_contact(call)["id"]
    for title in ("One", "Two", "Three"):
        _make(call, title=title, contact_id=contact)
        _make(call, title=title)
    with_w = json.dumps({"field": "title", "op": "contains", "value": "w"})
    answer = call(handler, "GET", f"{URL}?contact_id={contact}&query={with_w}&count=exact")
    assert (_titles(answer), answer.json["count"]["value"]) == (["Two"], 1)
    page = call(handler, "GET", f"{URL}?contact_id={contact}&limit=1").json
    again = f"{URL}?contact_id={contact}&cursor={page['next_cursor']}"
    assert _titles(call(handler, "GET", again)) == ["Two", "One"]
    for other in (f"?contact_id={uuid7()}", "?status=open", "?limit=1"):
        refused = call(handler, "GET", f"{URL}{other}&cursor={page['next_cursor']}")
        assert (refused.status, refused.json["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"filter": {"field": "notes", "op": "eq", "value": "x"}}, "/filter/field"),
        ({"filter": {"field": "status", "op": "eq", "value": "late"}}, "/filter/value"),
        ({"sort": [{"field": "title"}]}, "/sort/0/field"),
        ({"cursor": "x"}, "/cursor"),
    ],
)
def test_what_is_wrong_is_pointed_at(call: Call, body: Any, pointer: str) -> None:
    refused = _query(call, **body)
    assert refused.status == 400, refused.json
    assert [one["pointer"] for one in refused.json["errors"]] == [pointer]


def test_whoever_creates_a_task_owns_it_unless_they_say_otherwise(
    call: Call, workspace: Workspace, new_member: NewMember
) -> None:
    member = new_member(workspace)
    task = _make(call)
    assert task["owner_id"] == str(workspace.user_id)
    assert _make(call, owner_id=None)["owner_id"] is None
    url, headers = f"{URL}/{task['id']}", {"If-Match": "*"}
    own = access_of("tasks.read:own tasks.write")
    handed = {"owner_id": str(member.user_id)}
    refused = call(handler, "PATCH", url, handed, headers=headers, access=own)
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (403, "/owner_id")
    assert call(handler, "PATCH", url, handed, headers=headers).json["owner_id"] == str(
        member.user_id
    )
    assert call(handler, "GET", url, access=own).status == 404
    assert call(handler, "GET", url, access=own, workspace=member).status == 200
    stranger = {"title": "Call", "owner_id": str(uuid7())}
    refused = call(handler, "POST", URL, stranger)
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, "/owner_id")
