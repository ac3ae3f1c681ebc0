"""Google sign-in and single sign-on through the whole stack, with its Google in both parts."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from functions.auth.tests.elsewhere import consent
from infra_cdk.local.stack import Stack
from infra_cdk.local.state import secret

pytest_plugins = ["infra_cdk.tests.stack.fixtures"]
pytestmark = pytest.mark.stack


def _call(
    stack: Stack, method: str, path: str, body: Any = None, token: str | None = None
) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = f"{stack.api_url}/api/v1/{path}"
    return httpx.request(method, url, json=body, headers=headers, timeout=60, trust_env=False)


def _sign_in(stack: Stack, person: str, **fields: Any) -> httpx.Response:
    begun = _call(stack, "POST", "auth/external", fields)
    assert begun.status_code == 200, begun.text
    said = consent(begun.json()["authorization_url"], person)
    body = {"binding": begun.json()["binding"], **said}
    return _call(stack, "POST", "auth/external/finish", body)


def test_a_person_by_google_and_a_member_by_the_workspaces_provider(
    stack: Stack, address: Callable[[], str]
) -> None:
    ana, ben = address(), address()
    answer = _sign_in(stack, ana, provider="google", workspace_name="Engines")
    assert answer.status_code == 200, answer.text
    owner = answer.json()
    me = _call(stack, "GET", "me", token=owner["access_token"]).json()
    assert (me["email"], me["email_verified"]) == (ana, True)

    settings = {
        "issuer": stack.google_url,
        "client_id": "haste.apps.googleusercontent.com",
        "client_secret": secret(stack.state, "google-oauth"),
        "domains": [ana.partition("@")[2]],
        "default_role": "member",
    }
    put = _call(stack, "PUT", "sso", settings, owner["access_token"])
    assert put.status_code == 200, put.text
    assert put.json()["redirect_uri"] == f"{stack.api_url}/sign-in/callback"
    member = _sign_in(stack, ben, provider="sso", workspace_id=owner["workspace_id"]).json()
    assert (member["workspace_id"], member["role"]) == (owner["workspace_id"], "member")
    token = member["access_token"]
    assert _call(stack, "GET", "contacts", token=token).status_code == 200
    refused = _call(stack, "PATCH", "me", {"name": "Eve"}, token)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_by_sso")
    beside = _call(stack, "POST", "workspaces", {"name": secrets.token_hex(4)}, token)
    assert (beside.status_code, beside.json()["code"]) == (403, "not_by_sso")
