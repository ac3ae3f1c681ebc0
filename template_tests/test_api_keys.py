"""What an API key can never do, whatever it was granted: act for a person who did not sign in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from shared.access import PERMISSION, SIGNED_IN
from shared.http.routes import FOR_KEYS
from shared.testing import Call, Database, Workspace
from template_tests.surface import Operation, operations
from template_tests.tenants import Tenant, move_in, rows_of
from template_tests.test_idempotency import SCENES
from template_tests.test_tenancy import outside

__all__ = ["outside"]

FOR_KEYS_TOO = {
    "POST /api/v1/batch": "each change takes its own permission",
    "POST /api/v1/graphql": "each field takes its own permission",
    "POST /api/v1/operations/{operation_id}/undo": "each change takes its own permission",
}
CHANGES = [one for one in operations() if one.method != "GET"]
FOR_ALL = [one for one in CHANGES if one.described[PERMISSION] == SIGNED_IN]
OUTLIVING_KEYS = {
    "PUT /api/v1/sso": "whoever runs the provider can be any member",
    "DELETE /api/v1/sso": "the same, where it is required",
    "POST /api/v1/automations": "it does what its member may, when the key is long revoked",
    "PATCH /api/v1/automations/{automation_id}": "the same, with something else",
    "POST /api/v1/webhooks": "it is sent what its member may read, when the key is long revoked",
    "PATCH /api/v1/webhooks/{endpoint_id}": "the same, elsewhere",
    "POST /api/v1/webhooks/{endpoint_id}/rotate-secret": "whoever has it can pass for us",
    "POST /api/v1/webhooks/{endpoint_id}/replay": "it is sent what its member may read",
}
"""What takes a permission, and a person all the same."""
BODIES: dict[str, Any] = {
    "PUT /api/v1/sso": {
        "issuer": "https://idp.example.com",
        "client_id": "crm",
        "domains": ["acme.example"],
    }
}
"""Where texts everywhere are not enough."""
ABOUT_ONESELF = [one for one in FOR_ALL if one.name not in FOR_KEYS_TOO]
NOT_FOR_KEYS = [*ABOUT_ONESELF, *(one for one in CHANGES if one.name in OUTLIVING_KEYS)]


@pytest.fixture
def us(database: Database, new_workspace: Callable[[], Workspace]) -> Tenant:
    return move_in(database, new_workspace)


def _by_key(us: Tenant, operation: Operation) -> Callable[..., Any]:
    """The operation's handler, asked by a key that was granted everything."""

    def ask(event: dict[str, Any], context: Any) -> Any:
        caller: dict[str, str] = event["requestContext"]["authorizer"]
        caller["key_id"] = str(us.ids["key"])
        del caller["session_id"]
        return operation.handler(event, context)

    return ask


@pytest.mark.parametrize("operation", NOT_FOR_KEYS, ids=lambda one: one.name)
def test_what_outlives_a_key_or_is_about_oneself_takes_a_sign_in(
    operation: Operation, us: Tenant, call: Call, outside: None, database: Database
) -> None:
    scene = SCENES.get(operation.name)
    body = scene.body if scene else BODIES.get(operation.name) or _body(operation)
    path = operation.path.format(**{f"{kind}_id": str(one) for kind, one in us.ids.items()})
    before = rows_of(database, us)
    answer = call(
        _by_key(us, operation),
        operation.method,
        path,
        body,
        headers={"If-Match": "*"},
        workspace=us.workspace,
        role=operation.role,
    )
    assert (answer.status, answer.json["code"]) == (403, "not_for_keys")
    assert rows_of(database, us) == before


def _body(operation: Operation) -> dict[str, Any] | None:
    """Some body that is taken for one: texts everywhere."""
    if operation.body is None:
        return None
    either = operation.body.get("anyOf", [operation.body])  # it may be left out
    name = next(one["$ref"] for one in either if "$ref" in one).rpartition("/")[2]
    return {field: uuid4().hex for field in operation.schemas[name].get("required", [])}


def test_what_everybody_may_ask_for_is_for_keys_in_these_cases() -> None:
    found = {one.name: one.described[FOR_KEYS] for one in FOR_ALL if FOR_KEYS in one.described}
    assert found == FOR_KEYS_TOO
    assert len(ABOUT_ONESELF) >= 3
