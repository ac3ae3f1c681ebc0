"""An account's own mails and second factor, through the whole stack, into the catcher."""

from __future__ import annotations

import re
import secrets
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import httpx
import pytest
from pyotp.totp import TOTP

from infra_cdk.local.stack import Stack
from infra_cdk.tests.polling import eventually

pytest_plugins = ["infra_cdk.tests.stack.fixtures"]
pytestmark = pytest.mark.stack


def _call(
    stack: Stack, method: str, path: str, body: Any = None, token: str | None = None
) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = f"{stack.api_url}/api/v1/{path}"
    return httpx.request(method, url, json=body, headers=headers, timeout=60, trust_env=False)


def _link_token(stack: Stack, to: str, path: str) -> str:
    """The token of the link to that page in a mail to that address, once it is there."""
    found: list[str] = []

    def arrived() -> bool:
        caught = httpx.get(f"{stack.catcher_url}/messages.json", trust_env=False).json()
        for one in caught:
            if one["recipients"] != [to]:
                continue
            url = f"{stack.catcher_url}/messages/{one['id']}.eml"
            raw = httpx.get(url, trust_env=False).content
            message = message_from_bytes(raw, policy=default)
            assert isinstance(message, EmailMessage)
            part = message.get_body(("plain",))
            assert part
            link = re.escape(f"{stack.api_url}/{path}#token=") + r"([\w-]+)"
            found.extend(re.findall(link, part.get_content()))
        return bool(found)

    assert eventually(arrived)
    return found[0]


def test_an_address_is_proven_a_factor_turned_on_and_a_password_reset(stack: Stack) -> None:
    email = f"ada-{secrets.token_hex(6)}@acme.example"
    person = {"email": email, "password": "correct horse battery"}
    new = person | {"name": "Ada", "workspace_name": "Engines"}
    signed_up = _call(stack, "POST", "auth/sign-up", new).json()
    token = signed_up["access_token"]
    proof = {"token": _link_token(stack, email, "verify-email"), "password": person["password"]}
    assert _call(stack, "POST", "auth/verify-email", proof).status_code == 204

    password = {"password": person["password"]}
    started = _call(stack, "POST", "me/factors/totp", password, token)
    app = TOTP(started.json()["secret"])
    confirmed = _call(stack, "POST", "me/factors/totp/confirm", {"code": app.now()}, token)
    codes = confirmed.json()["recovery_codes"]
    me = _call(stack, "GET", "me", token=token).json()
    assert (me["email_verified"], me["second_factor"]) == (True, "totp")

    assert _call(stack, "POST", "auth/reset-password/request", {"email": email}).status_code == 202
    person["password"] = "another horse entirely"
    reset = {
        "token": _link_token(stack, email, "reset-password"),
        "password": person["password"],
    }
    assert _call(stack, "POST", "auth/reset-password", reset).status_code == 204
    refresh = {"refresh_token": signed_up["refresh_token"]}
    assert _call(stack, "POST", "auth/refresh", refresh).status_code == 401

    begun = _call(stack, "POST", "auth/sign-in", person).json()
    step = {"challenge": begun["challenge"], "recovery_code": codes[0]}
    entered = _call(stack, "POST", "auth/second-factor", step).json()
    me = _call(stack, "GET", "me", token=entered["access_token"]).json()
    assert me["recovery_codes_left"] == 9
