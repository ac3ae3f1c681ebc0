"""Several changes in one request, and undoing them together."""

from __future__ import annotations

from typing import Any, LiteralString
from uuid import uuid4

import pytest

from functions.activities.api import handler as tasks
from functions.contacts.api import handler as contacts
from functions.gateway.api.batch import handler
from functions.gateway.commands import RESTORE
from shared.access import ROLES, access_of
from shared.testing import Answer, Call, Database, EventsOf, NewMember, NewWorkspace, Workspace

_TABLES: dict[str, LiteralString] = {
    "contacts": """
        select to_jsonb(t) - 'version' - 'updated_at' as row from contacts t
        where workspace_id = %(w)s order by id
    """,
    "tasks": """
        select to_jsonb(t) - 'version' - 'updated_at' as row from tasks t
        where workspace_id = %(w)s order by id
    """,
}


def _change(method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
    return {"method": method, "path": f"/api/v1/{path}", "body": body, **more}


def _create(name: str, **fields: Any) -> dict[str, Any]:
    return _change("POST", "contacts", {"name": name, **fields})


def _batch(call: Call, *changes: dict[str, Any], atomic: bool = False, **options: Any) -> Answer:
    body = {"operations": list(changes), "atomic": atomic}
    return call(handler, "POST", "/api/v1/batch", body, **options)


def _undo(call: Call, operation_id: str, **options: Any) -> Answer:
    return call(handler, "POST", f"/api/v1/operations/{operation_id}/undo", **options)


def _names(call: Call) -> list[str]:
    found = call(contacts, "GET", "/api/v1/contacts?limit=200").json["items"]
    return sorted(one["name"] for one in found)


def _rows(database: Database, workspace: Workspace) -> dict[str, list[Any]]:
    return {name: database.admin(query, w=workspace.id) for name, query in _TABLES.items()}


def test_each_is_answered_as_if_it_were_sent_alone(
    call: Call, events_of: EventsOf, workspace: Workspace
) -> None:
    answer = _batch(
        call,
        _create("Ada", email="ada@example.com"),
        _create("Bea", email="ada@example.com"),
        _create(""),
        _change("PUT", "contacts?match=email", {"name": "Ada L.", "email": "ada@example.com"}),
        _change("PATCH", f"contacts/{uuid4()}", {"name": "Nobody"}, if_match="*"),
        _change("POST", "tasks", {"title": "Call"}),
    )
    assert answer.status == 200
    results = answer.json["results"]
    assert [one["status"] for one in results] == [201, 409, 422, 200, 404, 201]
    assert results[1]["body"]["existing_id"] == results[0]["body"]["id"]
    assert results[2]["body"]["errors"][0]["pointer"] == "/name"
    assert (results[3]["etag"], results[0]["etag"]) == ('"2"', '"1"')
    assert results[0]["location"].endswith(results[0]["body"]["id"])
    kinds = [event["type"] for event in events_of(workspace)]
    assert kinds == ["ContactCreated", "ContactChanged", "TaskCreated"]


def test_an_atomic_one_is_made_whole_or_not_at_all(
    call: Call, events_of: EventsOf, workspace: Workspace, database: Database
) -> None:
    before = _rows(database, workspace)
    answer = _batch(call, _create("Ada"), _create("Bea", email="no address"), atomic=True)
    assert (answer.status, answer.json["code"]) == (422, "batch_failed")
    assert answer.json["errors"][0]["pointer"] == "/operations/1/body/email"
    assert (_rows(database, workspace), events_of(workspace)) == (before, [])
    assert call(handler, "GET", "/api/v1/operations").json["items"] == []
    answer = _batch(call, _create("Ada"), _create("Bea"), atomic=True)
    assert [one["status"] for one in answer.json["results"]] == [201, 201]


def test_what_failed_within_the_database_leaves_the_rest(call: Call) -> None:
    """Its statements are undone alone, also where Postgres itself refused one."""
    made = _batch(
        call, _create("Ada", email="a@example.com"), _create("Bea", email="b@example.com")
    )
    first, second = (one["body"]["id"] for one in made.json["results"])
    answer = _batch(
        call,
        _change("PATCH", f"contacts/{first}", {"email": "b@example.com"}, if_match="*"),
        _change("PATCH", f"contacts/{second}", {"name": "Beatrice"}, if_match='"1"'),
        _change("POST", "tasks", {"title": "Call", "contact_id": str(uuid4())}),
    )
    assert [one["status"] for one in answer.json["results"]] == [409, 200, 422]
    assert _names(call) == ["Ada", "Beatrice"]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        (_change("POST", "parrots", {}), 400, "unknown_path"),
        (_change("POST", "batch", {"operations": []}), 400, "not_batchable"),
        (_change("POST", "webhooks", {"url": "https://example.com/"}), 400, "not_batchable"),
        (_change("POST", "mailboxes", {"address": "a@b.example"}), 400, "not_batchable"),
        (_change("POST", "auth/sign-in", {}), 400, "not_batchable"),
        ({"method": "GET", "path": "/api/v1/contacts"}, 422, "unprocessable"),
        ({"method": "POST", "path": "https://example.com/api/v1/contacts"}, 422, "unprocessable"),
        ({"method": "POST", "path": "/api/v1/../health"}, 400, "unknown_path"),
    ],
)
def test_what_cannot_be_part_of_one_ends_it(
    call: Call, change: dict[str, Any], status: int, code: str
) -> None:
    answer = _batch(call, _create("Ada"), change)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert answer.json["errors"][0]["pointer"].startswith("/operations/1/")
    assert _names(call) == []


def test_a_query_within_a_batch_shows_but_changes_nothing(call: Call) -> None:
    """Reading is refused where it says that it is no change."""
    answer = _batch(call, _change("POST", "contacts/query", {}))
    assert answer.json["results"][0]["status"] == 400
    assert answer.json["results"][0]["body"]["code"] == "not_batchable"


@pytest.mark.parametrize("count", [0, 201])
def test_too_few_or_too_many_are_refused(call: Call, count: int) -> None:
    answer = _batch(call, *[_create("Ada")] * count)
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/operations")


def test_each_change_takes_its_own_permission(call: Call) -> None:
    access = access_of("contacts.read contacts.write")
    answer = _batch(
        call, _create("Ada"), _change("POST", "tasks", {"title": "Call"}), access=access
    )
    assert [one["status"] for one in answer.json["results"]] == [201, 403]
    refused = _batch(call, _create("Bea"), atomic=True, access=ROLES["viewer"])
    assert (refused.status, _names(call)) == (403, ["Ada"])


def test_a_key_makes_the_whole_batch_happen_once(call: Call) -> None:
    key = {"Idempotency-Key": "batch-1"}
    first = _batch(call, _create("Ada"), _create("Bea"), headers=key)
    again = _batch(call, _create("Ada"), _create("Bea"), headers=key)
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.json, _names(call)) == (first.json, ["Ada", "Bea"])


def test_two_hundred_are_one_transaction(
    call: Call, database: Database, workspace: Workspace
) -> None:
    answer = _batch(call, *[_create(f"Person {n}") for n in range(200)], atomic=True)
    assert {one["status"] for one in answer.json["results"]} == {201}
    begun = "select distinct created_at from contacts where workspace_id = %(w)s"
    assert len(database.admin(begun, w=workspace.id)) == 1


# Undoing


@pytest.fixture
def stock(call: Call) -> list[str]:
    """Contacts that are there before, and a task."""
    made = [_create(f"Person {n}", email=f"p{n}@example.com", tags=["old"]) for n in range(4)]
    ids = [one["body"]["id"] for one in _batch(call, *made).json["results"]]
    call(tasks, "POST", "/api/v1/tasks", {"title": "Call", "contact_id": ids[0]})
    return ids


def _edits(call: Call, stock: list[str]) -> list[dict[str, Any]]:
    [task] = call(tasks, "GET", "/api/v1/tasks").json["items"]
    return [
        _change("PATCH", f"contacts/{stock[0]}", {"tags": ["new"], "phone": "1"}, if_match="*"),
        _change("PATCH", f"contacts/{stock[0]}", {"name": "Renamed"}, if_match="*"),
        _change("DELETE", f"contacts/{stock[1]}"),
        _change("POST", "contacts", {"name": "Taker", "email": "p1@example.com"}),
        _change("PATCH", f"tasks/{task['id']}", {"status": "done"}, if_match="*"),
        _change("POST", "tasks", {"title": "Another", "contact_id": stock[2]}),
    ]


def test_undoing_restores_exactly_what_was_before(
    call: Call, stock: list[str], database: Database, workspace: Workspace, events_of: EventsOf
) -> None:
    before = _rows(database, workspace)
    done = _batch(call, *_edits(call, stock), atomic=True)
    assert done.status == 200, done.json
    operation = done.json["operation_id"]
    changed = _rows(database, workspace)
    count = len(events_of(workspace))
    undone = _undo(call, operation)
    assert (undone.status, undone.json["restored"]) == (200, 5)
    kept = {name: [r for r in rows if r["row"]["deleted_at"] is None or r in before[name]]
            for name, rows in _rows(database, workspace).items()}  # fmt: skip
    assert kept == before
    kinds = sorted(event["type"] for event in events_of(workspace)[count:])
    assert kinds == [
        "ContactChanged",
        "ContactDeleted",
        "ContactRestored",
        "TaskChanged",
        "TaskDeleted",
    ]
    again = _undo(call, operation)
    assert (again.status, again.json["code"]) == (409, "already_undone")
    assert again.json["existing_id"] == undone.json["operation_id"]
    redone = _undo(call, undone.json["operation_id"])
    assert redone.status == 200, redone.json
    assert _rows(database, workspace) == changed


def test_what_was_changed_since_is_a_conflict_and_nothing_changes(
    call: Call, stock: list[str], database: Database, workspace: Workspace, events_of: EventsOf
) -> None:
    operation = _batch(call, *_edits(call, stock), atomic=True).json["operation_id"]
    url = f"/api/v1/contacts/{stock[0]}"
    later = call(contacts, "PATCH", url, {"job_title": "CTO"}, headers={"If-Match": "*"})
    assert later.status == 200
    changed, count = _rows(database, workspace), len(events_of(workspace))
    refused = _undo(call, operation)
    assert (refused.status, refused.json["code"]) == (409, "cannot_undo")
    [conflict] = refused.json["errors"]
    assert (conflict["pointer"], conflict["code"]) == (
        f"/contacts/{stock[0]}",
        "precondition_failed",
    )
    assert (_rows(database, workspace), len(events_of(workspace))) == (changed, count)
    assert call(handler, "GET", f"/api/v1/operations/{operation}").json["undone_by"] is None


def test_an_address_that_was_given_away_since_is_a_conflict(call: Call, stock: list[str]) -> None:
    operation = _batch(call, _change("DELETE", f"contacts/{stock[1]}")).json["operation_id"]
    taker = {"name": "Taker", "email": "p1@example.com"}
    assert call(contacts, "POST", "/api/v1/contacts", taker).status == 201
    refused = _undo(call, operation)
    assert [one["code"] for one in refused.json["errors"]] == ["email_taken"]


def test_undoing_takes_the_permissions_of_its_changes(call: Call, stock: list[str]) -> None:
    operation = _batch(call, _change("DELETE", f"contacts/{stock[1]}")).json["operation_id"]
    for access in (ROLES["viewer"], access_of("contacts.read:own"), access_of("tasks.read")):
        assert _undo(call, operation, access=access).status in (403, 409)
    assert "Person 1" not in _names(call)
    assert _undo(call, operation).status == 200
    assert "Person 1" in _names(call)


def test_undoing_writes_no_field_that_is_hidden(call: Call, stock: list[str]) -> None:
    """Whoever undoes may be another than who changed it."""
    changes = {"phone": "1", "name": "Renamed"}
    one = _change("PATCH", f"contacts/{stock[0]}", changes, if_match="*")
    operation = _batch(call, one).json["operation_id"]
    hidden = access_of("contacts.read contacts.write contacts.delete -contacts.phone")
    refused = _undo(call, operation, access=hidden)
    assert [one["code"] for one in refused.json["errors"]] == ["not_permitted"]
    assert "Renamed" in _names(call)


def test_undoing_gives_nothing_to_somebody_who_has_left(
    call: Call, stock: list[str], workspace: Workspace, new_member: NewMember, database: Database
) -> None:
    member = new_member(workspace)
    url = f"/api/v1/contacts/{stock[0]}"
    any_version, given = {"If-Match": "*"}, {"owner_id": str(member.user_id)}
    assert call(contacts, "PATCH", url, given, headers=any_version).status == 200
    back = _change("PATCH", f"contacts/{stock[0]}", {"owner_id": None}, if_match="*")
    operation = _batch(call, back).json["operation_id"]
    database.admin(
        "update memberships set ended_at = now() where user_id = %(u)s", u=member.user_id
    )
    refused = _undo(call, operation)
    assert [one["code"] for one in refused.json["errors"]] == ["unknown_owner"]
    assert call(contacts, "GET", url).json["owner_id"] is None


def test_nobody_elses_operation_is_there(
    call: Call, stock: list[str], new_workspace: NewWorkspace
) -> None:
    operation = _batch(call, _change("DELETE", f"contacts/{stock[1]}")).json["operation_id"]
    stranger = new_workspace()
    assert _undo(call, operation, workspace=stranger).status == 404
    url = f"/api/v1/operations/{operation}"
    assert call(handler, "GET", url, workspace=stranger).status == 404


def test_operations_are_listed_newest_first(call: Call, stock: list[str]) -> None:
    second = _batch(call, *_edits(call, stock)).json["operation_id"]
    third = _undo(call, second).json["operation_id"]
    listed = call(handler, "GET", "/api/v1/operations").json["items"]
    assert [one["id"] for one in listed][:2] == [third, second]
    assert [(one["kind"], one["records"]) for one in listed] == [
        ("undo", 5),
        ("batch", 5),
        ("batch", 4),
    ]
    assert listed[1]["undone_by"] == third


def test_every_table_that_remembers_can_be_restored(database: Database) -> None:
    found = database.admin(
        """
        select distinct c.relname as name from pg_trigger t
        join pg_class c on c.oid = t.tgrelid
        where t.tgname = 'remember_change'
        """
    )
    assert {row["name"] for row in found} == RESTORE.keys()


def test_a_change_outside_of_an_operation_is_not_recorded(
    call: Call, database: Database, workspace: Workspace
) -> None:
    call(contacts, "POST", "/api/v1/contacts", {"name": "Ada"})
    kept = "select 1 from operation_changes where workspace_id = %(w)s"
    assert database.admin(kept, w=workspace.id) == []
