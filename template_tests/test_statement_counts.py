"""Requests send few statements, and as many for a hundred items as for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, LiteralString

import pytest
from psycopg import sql

from shared.ids import uuid7
from shared.testing import Answer, Call, Database, Workspace
from template_tests.crowd import Crowd
from template_tests.recording import Recording
from template_tests.surface import Operation, operations

MOST_STATEMENTS = 3
NOT_COUNTED = {
    "/health/live": "asks nothing",
    "/api/v1/auth/jwks.json": "asks Secrets Manager alone",
    "/health/ready": "asks on connections of its own",
    "/health/startup": "asks on connections of its own",
    "/api/v1/mailboxes/{mailbox_id}/reconciliation": "asks Google in between",
    "/api/v1/graphql": "as many as its document says",
    "/api/v1/me/export": "all there is of a person, workspace by workspace",
}
TABLES = {
    "key": "api_keys",
    "endpoint": "webhook_endpoints",
    "delivery": "webhook_deliveries",
    "request": "privacy_requests",
}
"""Those that their rows' ids in a path are not named after."""
ONLY: dict[str, LiteralString] = {
    "/api/v1/privacy-requests/{request_id}/download": "export_key is not null",
}
"""What rows have to be like to be asked for."""
READS = [one for one in operations() if one.method == "GET" and one.path not in NOT_COUNTED]


@pytest.fixture(scope="module")
def database(crowded: Database) -> Database:
    """A database of these tests' own."""
    return crowded


@pytest.fixture
def count(recorded: Recording, call: Call, crowd: Crowd) -> Callable[[Operation, str], int]:
    """How many statements a request sends, besides BEGIN, COMMIT and `begin_request`."""
    caller = Workspace(crowd.workspace, crowd.user, crowd.session)

    def of(operation: Operation, url: str) -> int:
        statements = recorded(operation.role, explain=False)
        answer = call(operation.handler, "GET", url, workspace=caller, role=operation.role)
        assert answer.status in (200, 303), answer.body
        return len(statements)

    return of


def _url(operation: Operation, database: Database, crowd: Crowd) -> str:
    """The operation's path with ids of the workspace's own."""
    path = operation.path.replace("{member_id}", str(crowd.user))
    for parameter in operation.parameters("path"):
        kind: str = parameter["name"].removesuffix("_id")
        table = TABLES.get(kind) or (f"{kind}es" if kind.endswith("x") else f"{kind}s")
        query: Any = sql.SQL(
            "select max(id::text) as id from {} where workspace_id = %(id)s and {}"
        ).format(sql.Identifier(table), sql.SQL(ONLY.get(path, "true")))
        if parameter["name"] == "member_id":
            continue  # memberships have no id of their own
        (found,) = database.admin(query, id=crowd.workspace)
        path = path.replace(f"{{{parameter['name']}}}", found["id"])
    return path


@pytest.mark.parametrize("operation", READS, ids=lambda one: one.name)
def test_a_request_sends_few_statements_and_as_many_for_a_hundred_items_as_for_one(
    operation: Operation,
    count: Callable[[Operation, str], int],
    database: Database,
    crowd: Crowd,
) -> None:
    url = _url(operation, database, crowd)
    if not operation.is_list:
        assert count(operation, url) <= MOST_STATEMENTS
        return
    one, many = (count(operation, f"{url}?limit={limit}") for limit in (1, 100))
    assert 1 <= one == many <= MOST_STATEMENTS


@pytest.fixture
def counted(recorded: Recording, call: Call, crowd: Crowd) -> Callable[..., tuple[int, Answer]]:
    """How many statements a change sends, and what it is answered."""
    caller = Workspace(crowd.workspace, crowd.user, crowd.session)

    def change(path: str, body: dict[str, Any], **headers: str) -> tuple[int, Answer]:
        [operation] = [one for one in operations() if one.name == f"POST {path}"]
        statements = recorded(operation.role, explain=False)
        answer = call(operation.handler, "POST", path, body, workspace=caller, headers=headers)
        assert answer.status in (200, 201), answer.body
        return len(statements), answer

    return change


CREATIONS: dict[str, dict[str, Any]] = {
    "/api/v1/contacts": {"name": "Ada"},
    "/api/v1/tasks": {"title": "Call"},
    "/api/v1/workspaces": {"name": "Beside"},
}


@pytest.mark.parametrize("path", CREATIONS)
def test_a_key_costs_two_statements_and_its_replay_one(
    path: str, counted: Callable[..., tuple[int, Answer]]
) -> None:
    """One to look it up under its lock, one to store the answer; without a key there is neither."""
    counted(path, CREATIONS[path], **{"Idempotency-Key": "warm"})  # has the data key from now on
    without, _ = counted(path, CREATIONS[path])
    key = {"Idempotency-Key": uuid7().hex}
    first, answer = counted(path, CREATIONS[path], **key)
    again, replayed = counted(path, CREATIONS[path], **key)
    assert (first, again) == (without + 2, 1)
    assert replayed.body == answer.body


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("/api/v1/contacts/bulk-edit", {"add_tags": ["one"]}),
        ("/api/v1/tasks/bulk-edit", {"due_at": "2030-01-01T00:00:00Z"}),
    ],
)
def test_a_bulk_edit_takes_as_many_for_a_hundred_records_as_for_one(
    path: str, change: dict[str, Any], counted: Callable[..., tuple[int, Answer]]
) -> None:
    def edited(limit: int) -> tuple[int, int]:
        asked = {"filter": {"all": []}, "change": change, "limit": limit}
        sent, answer = counted(path, asked)
        return sent, answer.json["changed"]

    one, few = edited(1)
    many, changed = edited(100)
    assert (few, one) == (1, many)
    assert changed > 50
