"""The automations API, through its real Lambda handler and a real database."""

from typing import Any
from uuid import uuid4

import pytest

from functions.automations.api import handler
from functions.automations.models import MOST_AUTOMATIONS
from shared.testing import Call, Database, EventsOf, NewWorkspace, Workspace

URL = "/api/v1/automations"
RULE: dict[str, Any] = {
    "name": "Unhappy people",
    "event_type": "EmailAnalyzed",
    "conditions": {"all": [{"field": "sentiment", "op": "eq", "value": "negative"}]},
    "actions": [
        {"type": "create_task", "title": "Answer {sender}", "notes": "{intent}", "due_in_days": 1},
        {"type": "tag_contact", "tag": "unhappy"},
        {"type": "set_field", "field": "company", "value": "Acme"},
    ],
}


def _create(call: Call, **fields: Any) -> dict[str, Any]:
    answer = call(handler, "POST", URL, {**RULE, **fields})
    assert answer.status == 201, answer.json
    return answer.json


def _leaf(field: str, op: str, value: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value}


def test_a_created_automation_can_be_read_again(call: Call) -> None:
    created = _create(call)
    assert created["enabled"] is True
    assert created["conditions"] == RULE["conditions"]
    assert created["actions"] == RULE["actions"]
    read = call(handler, "GET", f"{URL}/{created['id']}")
    assert (read.json, read.headers["etag"]) == (created, '"1"')


def test_without_conditions_every_event_counts(call: Call) -> None:
    rule = {key: value for key, value in RULE.items() if key != "conditions"}
    answer = call(handler, "POST", URL, rule)
    assert (answer.status, answer.json["conditions"]) == (201, {"all": []})


def test_conditions_are_kept_in_their_canonical_form(call: Call) -> None:
    conditions = _leaf("received_at", "gte", "2026-03-01T10:00:00+01:00")
    created = _create(
        call,
        event_type="EmailReceived",
        conditions=conditions,
        actions=[{"type": "tag_contact", "tag": "x"}],
    )
    assert created["conditions"] == {**conditions, "value": "2026-03-01T09:00:00+00:00"}


def test_every_change_is_one_event(call: Call, workspace: Workspace, events_of: EventsOf) -> None:
    url = f"{URL}/{_create(call)['id']}"
    change = {"enabled": False, "name": RULE["name"], "actions": RULE["actions"]}
    off = call(handler, "PATCH", url, change, headers={"If-Match": '"1"'})
    assert (off.status, off.json["enabled"], off.headers["etag"]) == (200, False, '"2"')
    same = call(handler, "PATCH", url, change, headers={"If-Match": '"2"'})
    assert same.json["version"] == 2
    assert call(handler, "DELETE", url, headers={"If-Match": '"1"'}).status == 412
    assert call(handler, "DELETE", url, headers={"If-Match": '"2"'}).status == 204
    assert call(handler, "GET", url).json["code"] == "automation_not_found"
    assert call(handler, "GET", f"{url}/runs").json["code"] == "automation_not_found"
    events = events_of(workspace)
    assert [event["type"] for event in events] == [
        "AutomationCreated",
        "AutomationChanged",
        "AutomationDeleted",
    ]
    assert events[1]["payload"]["changed"] == ["enabled"]
    assert [event["payload"]["aggregate_version"] for event in events] == [1, 2, 3]


def test_a_stale_or_missing_if_match_changes_nothing(call: Call) -> None:
    url = f"{URL}/{_create(call)['id']}"
    assert call(handler, "PATCH", url, {"name": "x"}).status == 428
    stale = call(handler, "PATCH", url, {"name": "x"}, headers={"If-Match": '"7"'})
    assert stale.status == 412
    assert call(handler, "GET", url).json["version"] == 1


def test_pages_follow_each_other_without_gap_or_repeat(call: Call) -> None:
    made = [_create(call)["id"] for _ in range(3)]
    first = call(handler, "GET", f"{URL}?limit=2").json
    second = call(handler, "GET", f"{URL}?limit=2&cursor={first['next_cursor']}").json
    assert [item["id"] for item in first["items"] + second["items"]] == made[::-1]
    assert second["next_cursor"] is None


_ACTION = {"type": "tag_contact", "tag": "x"}
_TASK = {"type": "create_task", "title": "x"}
_MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "/name"),
    ({"enabled": "perhaps"}, "/enabled"),
    ({"event_type": "MailboxConnected"}, "/event_type"),
    ({"conditions": None}, "/conditions"),
    ({"conditions": []}, "/conditions"),
    ({"run_count": 7}, "/run_count"),
    ({"actions": []}, "/actions"),
    ({"actions": [_ACTION] * 11}, "/actions"),
    ({"actions": [_ACTION, {"type": "send_email"}]}, "/actions/1"),
    ({"actions": [_ACTION, {"type": "\ud800"}]}, "/actions/1"),
    ({"actions": [{"tag": "x"}]}, "/actions/0"),
    ({"actions": ["tag_contact"]}, "/actions/0"),
    ({"actions": [{"type": "tag_contact"}]}, "/actions/0/tag"),
    ({"actions": [{"type": "tag_contact", "tag": "x" * 61}]}, "/actions/0/tag"),
    ({"actions": [_ACTION, {**_TASK, "title": ""}]}, "/actions/1/title"),
    ({"actions": [{**_TASK, "due_in_days": -1}]}, "/actions/0/due_in_days"),
    ({"actions": [{**_TASK, "title": "Re: {subject}"}]}, "/actions/0/title"),
    ({"actions": [{**_TASK, "title": "{}"}]}, "/actions/0/title"),
    ({"actions": [{**_TASK, "title": "{sender.__class__}"}]}, "/actions/0/title"),
    ({"actions": [_ACTION, {**_TASK, "notes": "{x}"}]}, "/actions/1/notes"),
    ({"actions": [{"type": "set_field", "field": "email", "value": "x"}]}, "/actions/0/field"),
    ({"actions": [{"type": "set_field", "field": "company", "value": ""}]}, "/actions/0/value"),
    ({"actions": [{"type": "set_field", "field": "phone", "value": "1" * 41}]}, "/actions/0/value"),
]


@pytest.mark.parametrize(("fields", "pointer"), _MISTAKES)
def test_bad_input_is_named_by_a_pointer(call: Call, fields: dict[str, Any], pointer: str) -> None:
    answer = call(handler, "POST", URL, {**RULE, **fields})
    assert answer.status == 422, answer.json
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("conditions", "pointer"),
    [
        ({}, "/conditions"),
        ({"all": [_leaf("subject", "eq", "x")]}, "/conditions/all/0/field"),
        ({"not": _leaf("sender", "lt", "x")}, "/conditions/not/op"),
        ({"any": [_leaf("sentiment", "eq", "angry")]}, "/conditions/any/0/value"),
        (_leaf("backfill", "eq", False), "/conditions/field"),
        (_leaf("workspace_id", "eq", str(uuid4())), "/conditions/field"),
        (_leaf("received_at", "exists", True), "/conditions/field"),
    ],
)
def test_malformed_conditions_are_refused_and_pointed_at(
    call: Call, conditions: dict[str, Any], pointer: str
) -> None:
    answer = call(handler, "POST", URL, {**RULE, "conditions": conditions})
    assert (answer.status, answer.json["code"]) == (400, "invalid_filter")
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


def test_a_condition_on_nan_is_refused(call: Call) -> None:
    body = (
        b'{"name": "x", "event_type": "EmailAnalyzed", "actions": [{"type": "tag_contact",'
        b' "tag": "x"}], "conditions": {"field": "entities", "op": "lt", "value": NaN}}'
    )
    answer = call(handler, "POST", URL, body)
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (400, "/conditions/value")


def test_a_changed_event_type_must_fit_what_stays(call: Call) -> None:
    url = f"{URL}/{_create(call)['id']}"
    any_version = {"If-Match": "*"}
    change: dict[str, Any] = {"event_type": "ContactCreated"}
    answer = call(handler, "PATCH", url, change, headers=any_version)
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (400, "/conditions/all/0/field")
    change["conditions"] = {"all": []}
    answer = call(handler, "PATCH", url, change, headers=any_version)
    pointers = [error["pointer"] for error in answer.json["errors"]]
    assert (answer.status, pointers) == (422, ["/actions/0/title", "/actions/0/notes"])
    change["actions"] = [{"type": "tag_contact", "tag": "new"}]
    answer = call(handler, "PATCH", url, change, headers=any_version)
    assert (answer.status, answer.json["event_type"]) == (200, "ContactCreated")


@pytest.mark.parametrize("field", ["name", "enabled", "event_type", "conditions", "actions"])
def test_nothing_can_be_cleared(call: Call, field: str) -> None:
    url = f"{URL}/{_create(call)['id']}"
    answer = call(handler, "PATCH", url, {field: None}, headers={"If-Match": "*"})
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, f"/{field}")


def test_a_workspace_has_only_so_many(call: Call, workspace: Workspace, database: Database) -> None:
    created = _create(call)
    database.admin(
        """
        insert into automations (workspace_id, id, user_id, name, enabled, event_type, conditions,
            actions)
        select workspace_id, gen_random_uuid(), user_id, name, enabled, event_type, conditions,
            actions
        from automations, generate_series(2, %(most)s) where workspace_id = %(workspace)s
        """,
        most=MOST_AUTOMATIONS,
        workspace=workspace.id,
    )
    refused = call(handler, "POST", URL, RULE)
    assert (refused.status, refused.json["code"]) == (409, "too_many_automations")
    assert str(MOST_AUTOMATIONS) in refused.json["detail"]
    assert call(handler, "DELETE", f"{URL}/{created['id']}").status == 204
    assert _create(call)


def test_another_workspace_sees_nothing(call: Call, new_workspace: NewWorkspace) -> None:
    created = _create(call)
    stranger = new_workspace()
    url = f"{URL}/{created['id']}"
    assert call(handler, "GET", URL, workspace=stranger).json["items"] == []
    assert call(handler, "GET", url, workspace=stranger).status == 404
    assert call(handler, "GET", f"{url}/runs", workspace=stranger).status == 404
    change = {"enabled": False}
    any_version = {"If-Match": "*"}
    changed = call(handler, "PATCH", url, change, headers=any_version, workspace=stranger)
    assert changed.status == 404
    assert call(handler, "DELETE", url, workspace=stranger).status == 404
    assert call(handler, "GET", url).json == created
