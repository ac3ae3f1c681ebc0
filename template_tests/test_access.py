"""Every route is held to a permission, and the database holds it once more.

The routes are found in the apps, so one that is added tomorrow is tried tomorrow; one that is added
without a permission cannot even be made, and one that goes round the check is seen here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from functions.gateway.apis import find_apis
from shared.access import ANYBODY, EVERYTHING, NOTHING, PERMISSION, ROLES, SIGNED_IN, Access, needs
from shared.http import create_app
from shared.http.routes import Route
from shared.testing import Answer, Call, Database, Workspace
from template_tests.surface import Operation, operations
from template_tests.tenants import Tenant, move_in, rows_of
from template_tests.test_idempotency import SCENES
from template_tests.test_tenancy import outside

__all__ = ["outside"]

OPERATIONS = operations()
GUARDED = [one for one in OPERATIONS if one.described.get(PERMISSION) not in (ANYBODY, SIGNED_IN)]
READS = [one for one in GUARDED if one.method == "GET"]
CHANGES = [one for one in GUARDED if not one.described[PERMISSION].endswith(".read")]

ABOUT_ONESELF: dict[str, str] = {
    "POST /api/v1/workspaces": "one of their own",
    "POST /api/v1/workspaces/current/leave": "everybody may leave",
    "POST /api/v1/invitations/accept": "whoever was invited, wherever else they belong",
    "GET /api/v1/events/types": "what may happen, not what has",
    "POST /api/v1/batch": "each of its changes takes its own permission",
    "POST /api/v1/operations/{operation_id}/undo": "each record takes its own permission",
    "GET /api/v1/graphql": "each field takes its own permission",
    "POST /api/v1/graphql": "each field takes its own permission",
    "GET /api/v1/fields": "only what the caller may read is in it",
    "GET /api/v1/limits": "one's own",
    "GET /api/v1/sessions": "one's own",
    "DELETE /api/v1/sessions": "one's own",
    "DELETE /api/v1/sessions/{session_id}": "one's own",
    "GET /api/v1/realtime/topics": "which there are; following one takes its permission",
    "POST /api/v1/realtime/tickets": "what it opens takes a permission for each topic",
    "GET /api/v1/me": "oneself",
    "PATCH /api/v1/me": "oneself",
    "DELETE /api/v1/me": "oneself",
    "GET /api/v1/me/export": "oneself",
    "POST /api/v1/me/password": "one's own",
    "POST /api/v1/me/factors/totp": "one's own",
    "POST /api/v1/me/factors/totp/confirm": "one's own",
    "DELETE /api/v1/me/factors/totp": "one's own",
    "DELETE /api/v1/me/identities/google": "one's own",
    "POST /api/v1/me/factors/recovery-codes": "one's own",
}
"""What everybody who is signed in may ask, whatever their role, and why."""

BY_ROUTE_ALONE: dict[str, str] = {
    "GET /api/v1/operations": "who changed how many records; the records are guarded themselves",
    "GET /api/v1/operations/{operation_id}": "the same of one",
    "GET /api/v1/roles": "what roles permit is asked for everybody who is let in",
    "GET /api/v1/roles/{role_id}": "the same of one",
    "GET /api/v1/workspaces/current": "the name of one's own workspace is shown on every screen",
}
"""What the database would show to every member; the route's check is then the only one."""


@pytest.fixture
def us(database: Database, new_workspace: Callable[[], Workspace]) -> Tenant:
    return move_in(database, new_workspace)


def _permission(operation: Operation) -> str:
    named: str = operation.described[PERMISSION]
    return named


def _ask(call: Call, operation: Operation, us: Tenant, access: Access) -> Answer:
    """A request that succeeds for whoever may: its scene's, where it has one."""
    ids = {f"{kind}_id": identifier for kind, identifier in (us.ids | us.other_ids).items()}
    scene = SCENES.get(operation.name)
    path = re.sub(
        r"{(\w+)}", lambda name: str(ids.get(name[1], us.workspace.user_id)), operation.path
    )
    return call(
        operation.handler,
        operation.method,
        path,
        (scene.body if scene else None) or ({} if operation.body else None),
        headers={"If-Match": "*"},
        workspace=us.workspace,
        role=operation.role,
        access=access,
    )


def _without(permission: str) -> Access:
    return Access({one: reach for one, reach in EVERYTHING.reach.items() if one != permission})


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_what_is_public_is_what_anybody_may(operation: Operation) -> None:
    assert operation.public is (_permission(operation) == ANYBODY)


def test_what_every_role_may_is_listed_with_its_reason() -> None:
    found = {one.name for one in OPERATIONS if _permission(one) == SIGNED_IN}
    assert found == ABOUT_ONESELF.keys()


@pytest.mark.parametrize("operation", GUARDED, ids=lambda one: one.name)
def test_who_has_every_permission_but_its_own_is_refused(
    operation: Operation, us: Tenant, call: Call, outside: None, database: Database
) -> None:
    before = rows_of(database, us)
    answer = _ask(call, operation, us, _without(_permission(operation)))
    assert (answer.status, answer.json["code"]) == (403, "not_permitted")
    assert _permission(operation) in answer.json["errors"][0]["detail"]
    assert rows_of(database, us) == before


@pytest.mark.parametrize("operation", CHANGES, ids=lambda one: one.name)
def test_a_viewer_changes_nothing(
    operation: Operation, us: Tenant, call: Call, outside: None, database: Database
) -> None:
    before = rows_of(database, us)
    assert _ask(call, operation, us, ROLES["viewer"]).status == 403
    assert rows_of(database, us) == before


@pytest.mark.parametrize("operation", READS, ids=lambda one: one.name)
def test_a_viewer_reads_what_the_role_permits(
    operation: Operation, us: Tenant, call: Call, outside: None
) -> None:
    permitted = _permission(operation) in ROLES["viewer"].reach
    assert (_ask(call, operation, us, ROLES["viewer"]).status != 403) is permitted


@pytest.mark.parametrize("operation", GUARDED, ids=lambda one: one.name)
def test_where_no_check_was_made_the_database_shows_and_changes_nothing(
    operation: Operation,
    us: Tenant,
    call: Call,
    outside: None,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def forget(self: Access, permission: str) -> None:
        return None

    monkeypatch.setattr(Access, "require", forget)
    before = rows_of(database, us)
    answer = _ask(call, operation, us, NOTHING)
    assert rows_of(database, us) == before
    said = {str(us.workspace.user_id)} | set(re.findall(r"[0-9a-f-]{36}", answer.body.decode()))
    shown = us.seen_in(answer.body.decode(), besides=said)
    if operation.name in BY_ROUTE_ALONE:
        assert shown, "it is refused: take it from the list"
    else:
        assert shown == []
        assert answer.status >= 400 or not (answer.json.get("items") or answer.json.get("changed"))


# The instruments themselves


def test_a_route_without_a_permission_cannot_be_made() -> None:
    app = create_app("Parrots")

    async def say() -> str:
        return "Polly"

    for method in (app.get, app.post, app.put, app.patch, app.delete):
        with pytest.raises(TypeError, match=r"/parrots: say what it takes"):
            method("/parrots")(say)
    app.get("/parrots", openapi_extra=needs("contacts.read"))(say)


def test_every_route_is_of_the_kind_that_asks() -> None:
    assert [path for api in find_apis() for path in _strangers(api.app)] == []


def test_one_that_goes_round_is_seen() -> None:
    app = create_app("Parrots")
    app.router.routes.append(APIRoute("/parrots", lambda: "Polly"))
    assert _strangers(app) == ["/parrots"]


def _strangers(app: FastAPI) -> list[Any]:
    found = iter_route_contexts(app.routes)
    return [one.path for one in found if not isinstance(one.original_route, Route)]


def test_a_guessed_session_names_nobody(call: Call, us: Tenant) -> None:
    """Roles and scopes come from the authorizer alone, whatever a request says of itself."""
    [contacts] = [one for one in GUARDED if one.name == "GET /api/v1/contacts"]
    headers = {"x-role": "owner", "x-access": str(EVERYTHING), "Authorization": f"Bearer {uuid4()}"}
    answer = call(
        contacts.handler, "GET", contacts.path, headers=headers, workspace=us.workspace,
        access=NOTHING,
    )  # fmt: skip
    assert answer.status == 403
