"""One change of every task that a filter lets through."""

from __future__ import annotations

from typing import Any

import pytest

from functions.activities.api import handler
from functions.gateway.api.batch import handler as operations
from shared.access import access_of
from shared.testing import Answer, Call, EventsOf, Workspace

URL = "/api/v1/tasks/bulk-edit"
OPEN = {"field": "status", "op": "eq", "value": "open"}


def _edit(call: Call, change: Any, **options: Any) -> Answer:
    return call(handler, "POST", URL, {"filter": OPEN, "change": change}, **options)


@pytest.fixture
def stock(call: Call) -> list[str]:
    made = [{"title": "Call"}, {"title": "Write"}, {"title": "Done", "status": "done"}]
    return [call(handler, "POST", "/api/v1/tasks", one).json["id"] for one in made]


def _there(call: Call, field: str) -> dict[str, Any]:
    found = call(handler, "GET", "/api/v1/tasks?limit=200").json["items"]
    return {one["title"]: one[field] for one in found}


def test_it_changes_them_in_one_operation_that_can_be_undone(
    call: Call, stock: list[str], events_of: EventsOf, workspace: Workspace
) -> None:
    done = _edit(call, {"status": "done", "due_at": "2030-01-01T00:00:00Z"})
    assert (done.status, done.json["changed"]) == (200, 2)
    assert set(_there(call, "status").values()) == {"done"}
    assert _there(call, "due_at")["Done"] is None
    changed = [one["payload"] for one in events_of(workspace) if one["type"] == "TaskChanged"]
    assert {one["aggregate_id"] for one in changed} == set(stock[:2])
    assert {tuple(one["changed"]) for one in changed} == {("status", "due_at")}
    undone = call(operations, "POST", f"/api/v1/operations/{done.json['operation_id']}/undo")
    assert (undone.status, undone.json["restored"]) == (200, 2)
    assert _there(call, "status") == {"Call": "open", "Write": "open", "Done": "done"}
    assert set(_there(call, "due_at").values()) == {None}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"status": None}, "/change/status"),
        ({"title": "All the same"}, "/change/title"),
        ({"owner_id": "0198a3c4-0000-7000-8000-000000000000"}, "/change/owner_id"),
    ],
)
def test_what_cannot_be_is_refused(
    call: Call, stock: list[str], change: dict[str, Any], pointer: str
) -> None:
    assert stock
    refused = _edit(call, change)
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, pointer)


def test_it_takes_the_permission_to_write(call: Call, stock: list[str]) -> None:
    assert stock
    assert _edit(call, {"status": "done"}, access=access_of("tasks.read")).status == 403
    assert set(_there(call, "status").values()) == {"open", "done"}


def test_giving_them_to_oneself_and_to_nobody(
    call: Call, stock: list[str], workspace: Workspace
) -> None:
    assert stock
    assert _edit(call, {"owner_id": None}).json["changed"] == 2
    assert _edit(call, {"owner_id": str(workspace.user_id)}).json["changed"] == 2
