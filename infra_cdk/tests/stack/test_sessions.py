"""Sessions through the whole stack: a browser keeps one, and what is ended is out in a minute."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, sync_playwright

from infra_cdk.local.stack import Stack
from infra_cdk.tests.polling import eventually
from infra_cdk.tests.stack.team import Team

pytest_plugins = ["infra_cdk.tests.stack.fixtures"]
pytestmark = pytest.mark.stack

COOKIE = "__Secure-haste-refresh"
_POST = """async ([url, body]) => {
    const headers = {"Content-Type": "application/json"};
    const answer = await fetch(url, {method: "POST", headers, body: JSON.stringify(body)});
    return [answer.status, answer.status == 204 ? null : await answer.json(), document.cookie];
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[BrowserContext]:
    """Chromium, which resolves no name and so reaches no host but this one."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed")
    arguments = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # as root Chromium starts in no other way
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=arguments)
        yield opened.new_context()
        opened.close()


def _post(page: Page, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    status, answer, seen = page.evaluate(_POST, [f"/api/v1/auth/{path}", body])
    assert COOKIE not in seen, "a script reads it"
    return status, answer


def test_a_browser_keeps_its_session_in_a_cookie(browser: BrowserContext, stack: Stack) -> None:
    tabs = [browser.new_page(), browser.new_page()]
    for tab in tabs:
        tab.goto(f"{stack.api_url}/docs")
    person = {
        "email": f"owner-{secrets.token_hex(6)}@acme.example",
        "password": secrets.token_urlsafe(16),
        "name": "Olive Owner",
        "workspace_name": "Acme",
        "cookie": True,
    }
    status, token = _post(tabs[0], "sign-up", person)
    assert (status, token["refresh_token"]) == (201, None)
    [kept] = [one for one in browser.cookies() if one.get("name") == COOKIE]
    assert (kept.get("path"), kept.get("sameSite")) == ("/api/v1/auth", "Strict")
    assert kept.get("httpOnly")
    assert kept.get("secure")
    for tab in tabs:  # both have the one cookie, and each gets the next
        assert _post(tab, "refresh", {})[0] == 200
    used = kept.get("value", "")
    [kept] = [one for one in browser.cookies() if one.get("name") == COOKIE]
    assert kept.get("value") != used
    assert _post(tabs[1], "sign-out", {})[0] == 204
    assert [one for one in browser.cookies() if one.get("name") == COOKIE] == []
    assert _post(tabs[0], "refresh", {})[0] == 401


def test_a_session_that_was_ended_is_out_within_a_minute(team: Team) -> None:
    """By then API Gateway's stand-in and the authorizer have forgotten that it was good."""
    [session] = team.get("sessions")["items"]
    assert session["current"]
    assert team.ask("DELETE", f"sessions/{session['id']}").status_code == 204

    def refused() -> bool:
        return team.ask("GET", "contacts").status_code == 401

    assert eventually(refused, within_s=60)


def test_tokens_can_be_verified_by_what_is_published(stack: Stack) -> None:
    answer = httpx.get(f"{stack.api_url}/api/v1/auth/jwks.json", trust_env=False)
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert {key["alg"] for key in answer.json()["keys"]} == {"ES256"}
