"""The workspaces API, through its real Lambda handler and a real database."""

from typing import Any
from uuid import UUID

import pytest

from functions.workspaces.api import handler
from shared.testing import Call, Database, EventsOf, NewWorkspace, Workspace

URL = "/api/v1/workspaces"


def test_the_creator_owns_a_new_workspace(
    call: Call,
    workspace: Workspace,
    database: Database,
    events_of: EventsOf,
) -> None:
    answer = call(handler, "POST", URL, {"name": " Difference\tEngines "})
    assert (answer.status, answer.headers["etag"]) == (201, '"1"')
    assert answer.json["name"] == "Difference Engines"
    made = Workspace(UUID(answer.json["id"]), workspace.user_id)
    members = database.admin(
        "select user_id, role from memberships where workspace_id = %(id)s", id=made.id
    )
    assert members == [{"user_id": workspace.user_id, "role": "owner"}]
    [event] = events_of(made)
    assert (event["type"], event["position"]) == ("WorkspaceCreated", 1)
    assert event["payload"]["owner_id"] == str(workspace.user_id)
    assert events_of(workspace) == []


def test_with_a_key_one_workspace_is_made_however_often_it_is_asked_for(
    call: Call, workspace: Workspace, database: Database, events_of: EventsOf
) -> None:
    """The new workspace and the answer, which is the caller's workspace's, commit together."""
    key = {"Idempotency-Key": "one"}
    first, *more = (call(handler, "POST", URL, {"name": "Beside"}, headers=key) for _ in range(3))
    assert (first.status, [again.body for again in more]) == (201, [first.body] * 2)
    owned = database.admin(
        "select workspace_id from memberships where user_id = %(u)s order by created_at",
        u=workspace.user_id,
    )
    assert [str(row["workspace_id"]) for row in owned] == [str(workspace.id), first.json["id"]]
    assert len(events_of(Workspace(UUID(first.json["id"]), workspace.user_id))) == 1
    kept = database.admin(
        "select 1 from idempotency_keys where workspace_id = %(w)s", w=workspace.id
    )
    assert len(kept) == 1


def test_the_current_workspace_is_the_tokens(
    call: Call, workspace: Workspace, new_workspace: NewWorkspace
) -> None:
    for place in (workspace, new_workspace()):
        answer = call(handler, "GET", f"{URL}/current", workspace=place)
        assert (answer.status, answer.json["id"]) == (200, str(place.id))


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "x" * 201}, {"name": "x", "id": 1}])
def test_bad_input_makes_nothing(call: Call, database: Database, body: dict[str, Any]) -> None:
    before = database.admin("select count(*) from workspaces")
    assert call(handler, "POST", URL, body).status == 422
    assert database.admin("select count(*) from workspaces") == before


def test_strangers_are_turned_away(call: Call) -> None:
    assert call(handler, "POST", URL, {"name": "x"}, anonymous=True).status == 401
    assert call(handler, "GET", f"{URL}/current", anonymous=True).status == 401
