"""What a batch can do is undone whole, or it is said what cannot be, and nothing changes.

The routes are found in the apps: one that is added tomorrow is tried here, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from functions.gateway.api.batch import handler
from infra_cdk.local.google.emulate import Google
from shared.testing import Call, Database
from template_tests.surface import Operation
from template_tests.tenants import Tenant, rows_of
from template_tests.test_idempotency import (  # noqa: F401 -- fixtures
    REPEATABLE,
    SCENES,
    _request,  # pyright: ignore[reportPrivateUsage]
    sent,
    settle,
    us,
)

pytest_plugins = ["infra_cdk.local.google.fixtures"]

_BESIDES = {"audit_log", "feed", "event_log", "outbox", "operations", "operation_changes"}
"""What is only ever added to."""
_MOVES_ON = {"version", "updated_at"}
RESTORED = {
    "POST /api/v1/contacts",
    "PUT /api/v1/contacts",
    "PATCH /api/v1/contacts/{contact_id}",
    "DELETE /api/v1/contacts/{contact_id}",
    "POST /api/v1/tasks",
    "PATCH /api/v1/tasks/{task_id}",
    "DELETE /api/v1/tasks/{task_id}",
}
REFUSED = {
    "POST /api/v1/automations",
    "PATCH /api/v1/automations/{automation_id}",
    "DELETE /api/v1/automations/{automation_id}",
    "POST /api/v1/roles",
    "PATCH /api/v1/roles/{role_id}",
    "DELETE /api/v1/roles/{role_id}",
}


def _rows(database: Database, us: Tenant) -> dict[str, list[Any]]:  # noqa: F811
    """What there is, but for rows that were made and deleted again."""
    found: dict[str, list[Any]] = {}
    for table, rows in rows_of(database, us).items():
        there = [json.loads(row) for row in rows if table not in _BESIDES]
        kept = [row for row in there if row.get("deleted_at") is None]
        found[table] = [{k: v for k, v in row.items() if k not in _MOVES_ON} for row in kept]
    return found


@pytest.mark.usefixtures("sent")
@pytest.mark.parametrize("operation", REPEATABLE, ids=lambda one: one.name)
def test_it_is_undone_whole_or_not_at_all(
    operation: Operation,
    us: Tenant,  # noqa: F811
    call: Call,
    google: Google,
    database: Database,
) -> None:
    method, path, body = _request(operation, us, google)
    version = SCENES[operation.name].version
    change = {"method": method, "path": path, "body": body}
    change |= {"if_match": f'"{version}"'} if version else {}
    before, asking = _rows(database, us), {"workspace": us.workspace}
    done = call(handler, "POST", "/api/v1/batch", {"operations": [change]}, **asking)
    if done.status == 400 or done.json["results"][0]["status"] == 400:
        code = done.json.get("code") or done.json["results"][0]["body"]["code"]
        assert (code, _rows(database, us)) == ("not_batchable", before)
        assert operation.name not in RESTORED | REFUSED
        return
    [result] = done.json["results"]
    assert result["status"] < 300, result
    after = _rows(database, us)
    url = f"/api/v1/operations/{done.json['operation_id']}/undo"
    undone = call(handler, "POST", url, **asking)
    if operation.name in RESTORED:
        assert (undone.status, _rows(database, us)) == (200, before), undone.json
    elif after != before:
        assert undone.status == 409, undone.json
        assert {one["code"] for one in undone.json["errors"]} == {"not_undoable"}
        assert _rows(database, us) == after
    if operation.name in REFUSED:
        assert undone.status == 409


def test_those_that_are_named_are_there() -> None:
    assert {one.name for one in REPEATABLE} >= RESTORED | REFUSED


def test_a_graph_document_is_no_part_of_a_batch(
    call: Call,
    us: Tenant,  # noqa: F811
    database: Database,
) -> None:
    """Its mutations that fail are answered with 200, so an atomic batch would commit the rest."""
    made = {"method": "POST", "path": "/api/v1/contacts", "body": {"name": "Ada"}}
    query = 'mutation { createContact(input: {name: ""}) { contact { id } } }'
    asked = {"method": "POST", "path": "/api/v1/graphql", "body": {"query": query}}
    before = _rows(database, us)
    body = {"operations": [made, asked], "atomic": True}
    refused = call(handler, "POST", "/api/v1/batch", body, workspace=us.workspace)
    assert (refused.status, refused.json["errors"][0]["code"]) == (400, "not_batchable")
    assert _rows(database, us) == before


def test_a_batch_knows_the_newest_version_by_its_other_name(call: Call) -> None:
    made = {"method": "POST", "path": "/api/latest/contacts", "body": {"name": "Ada"}}
    done: Callable[..., Any] = call
    answer = done(handler, "POST", "/api/v1/batch", {"operations": [made]})
    assert [one["status"] for one in answer.json["results"]] == [201]
