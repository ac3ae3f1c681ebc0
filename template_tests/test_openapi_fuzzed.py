"""Whatever the OpenAPI document lets a client send, and what it does not, is answered as it says:
never by a 5xx, and never off the schema. schemathesis makes the requests from the merged document.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from functions.auth.tests.conftest import Keys, keys, shared_cache
from functions.email.api import handler as mailboxes
from functions.gateway.api.openapi import handler as openapi
from infra_cdk.local.environment import new_trace_id
from infra_cdk.local.gateway_events import Arrival, Request, Stage, to_event, with_authorizer
from infra_cdk.local.google.emulate import Google
from infra_cdk.local.routes import routes_of
from infra_cdk.registry import declared
from shared.access import EVERYTHING
from shared.testing import Call, LambdaContext
from template_tests.tenants import Tenant
from template_tests.test_idempotency import sent, settle, us

__all__ = ["keys", "sent", "settle", "shared_cache", "us"]
pytest_plugins = ["infra_cdk.local.google.fixtures"]

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = int(os.environ.get("HASTE_FUZZ_EXAMPLES", "25"))
_ROUTES = routes_of(declared())
_ADDRESS = "ana@acme.example"
_URL = "http://127.0.0.1"


def _document() -> dict[str, Any]:
    asked = Request("GET", "/api/v1/openapi.json", "", (), b"", "127.0.0.1")
    return json.loads(openapi(_event(asked, None), cast("Any", LambdaContext()))["body"])


def _event(asked: Request, us: Tenant | None) -> dict[str, Any]:
    match = _ROUTES.match(asked.path)
    assert match is not None, asked.path
    arrival = Arrival(str(uuid.uuid4()), new_trace_id(), datetime.now(UTC))
    event = to_event(asked, match, Stage("local", "eu-central-1"), arrival)
    if match.route.public or us is None:
        return event
    place = us.workspace
    caller = {
        "principalId": str(place.user_id),
        "workspace_id": str(place.id),
        "user_id": str(place.user_id),
        "session_id": str(us.ids["session"]),
        "access": str(EVERYTHING),
    }
    return with_authorizer(event, caller)


_SCHEMA = schemathesis.openapi.from_dict(_document())
_OPERATIONS: list[Any] = [cast("Any", found).ok() for found in _SCHEMA.get_all_operations()]


@pytest.fixture
def mailbox(us: Tenant, sent: Callable[[], int], call: Call, google: Google) -> str:
    """A mailbox whose credentials Gmail takes."""
    given = {"address": _ADDRESS, "access_token": google.token(_ADDRESS)}
    made = call(mailboxes, "POST", "/api/v1/mailboxes", given, workspace=us.workspace)
    assert made.status == 201, made.json
    return made.json["id"]


@pytest.mark.parametrize("operation", _OPERATIONS, ids=lambda one: one.label)
def test_every_answer_is_as_described(
    operation: Any,
    us: Tenant,
    mailbox: str,
    keys: Keys,
    as_role: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HASTE_SOCKETS_URL", "wss://sockets.example.com/prod")
    monkeypatch.setenv("HASTE_SECRET_GOOGLE_OAUTH", f"google-oauth-{uuid.uuid4()}")
    ids = {f"{kind}_id": str(one) for kind, one in (us.ids | us.other_ids).items()}
    ids["mailbox_id"] = mailbox

    @given(case=operation.as_strategy(), known=st.booleans())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    def ask(case: Case, known: bool) -> None:
        if known:
            named = {name: ids.get(name, value) for name, value in case.path_parameters.items()}
            case.path_parameters.update(named)
        prepared = requests.Request(**case.as_transport_kwargs(base_url=_URL)).prepare()
        case.validate_response(_answer(prepared, us, as_role), checks=CHECKS)

    ask()


def _answer(
    prepared: requests.PreparedRequest, us: Tenant, as_role: Callable[[str], None]
) -> httpx.Response:
    """What the declared function answers to a request, as API Gateway hands it on."""
    url = urlsplit(prepared.url or "")
    body: Any = prepared.body or b""
    asked = Request(
        method=prepared.method or "GET",
        path=str(url.path),
        query=str(url.query),
        headers=tuple((str(name), str(value)) for name, value in prepared.headers.items()),
        body=body.encode() if isinstance(body, str) else body,
        source_ip="127.0.0.1",
    )
    match = _ROUTES.match(asked.path)
    assert match is not None, asked.path
    function = match.route.declared
    as_role(function.function.role or "crm_app")
    module, _, attribute = function.entry.rpartition(".")
    answer = getattr(import_module(module), attribute)(_event(asked, us), LambdaContext())
    several: dict[str, list[str]] = answer["multiValueHeaders"]
    headers = [(name, one) for name, values in several.items() for one in values]
    response = httpx.Response(
        answer["statusCode"],
        headers=headers + list(answer["headers"].items()),
        content=answer["body"],
        request=httpx.Request(asked.method, f"{_URL}{prepared.path_url}"),
    )
    response.elapsed = timedelta()
    return response
