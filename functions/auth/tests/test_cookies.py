"""The refresh token in a browser's cookie: what is set, who may use it, that it gets through."""

from collections.abc import Callable
from http.cookies import SimpleCookie
from typing import Any
from uuid import uuid4

import pytest

from functions.auth.api import handler
from functions.auth.tests.conftest import PASSWORD
from infra_cdk.local.gateway_responses import from_response
from shared.testing import Answer, Call

UP, IN = "/api/v1/auth/sign-up", "/api/v1/auth/sign-in"
REFRESH, OUT = "/api/v1/auth/refresh", "/api/v1/auth/sign-out"
NAME = "__Secure-haste-refresh"
OURS = {"Sec-Fetch-Site": "same-origin"}
SignUp = Callable[..., dict[str, Any]]
Page = Callable[..., Answer]


@pytest.fixture
def page(call: Call) -> Page:
    """A request as a page of our own sends it."""

    def post(url: str, body: Any, cookie: str = "", **headers: str | None) -> Answer:
        sent = OURS | ({"Cookie": f"other=1; {NAME}={cookie}"} if cookie else {})
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        kept = {name: value for name, value in (sent | given).items() if value is not None}
        return call(handler, "POST", url, body, headers=kept, anonymous=True, role="crm_auth")

    return post


def _cookie(answer: Answer) -> Any:
    return SimpleCookie(answer.headers["set-cookie"])[NAME]


@pytest.fixture
def signed_in(sign_up: SignUp, page: Page) -> str:
    """The cookie of somebody who signed in."""
    body = {"email": sign_up()["email"], "password": PASSWORD, "cookie": True}
    return _cookie(page(IN, body)).value


def test_signing_up_and_in_set_it_and_leave_it_out_of_the_body(page: Page, keys: Any) -> None:
    email = f"{uuid4()}@example.com"
    person = {"email": email, "password": PASSWORD, "cookie": True}
    for url, body in ((UP, person | {"name": "Ada", "workspace_name": "B"}), (IN, person)):
        answer = page(url, body)
        assert answer.status in (200, 201), answer.json
        assert answer.json["refresh_token"] is None
        cookie = _cookie(answer)
        assert cookie.value.startswith("hrt.")
        assert (cookie["path"], cookie["samesite"]) == ("/api/v1/auth", "strict")
        assert cookie["secure"]
        assert cookie["httponly"]
        assert cookie["domain"] == ""
        assert abs(int(cookie["max-age"]) - 30 * 24 * 3600) < 5
        assert cookie.value not in answer.body.decode()


def test_who_asks_for_none_gets_none(call: Call, sign_up: SignUp) -> None:
    body = {"email": sign_up()["email"], "password": PASSWORD}
    answer = call(handler, "POST", IN, body, anonymous=True, role="crm_auth")
    assert "set-cookie" not in answer.headers
    assert answer.json["refresh_token"].startswith("hrt.")


def test_it_refreshes_to_the_next_one(page: Page, signed_in: str) -> None:
    answer = page(REFRESH, {}, signed_in)
    assert (answer.status, answer.json["refresh_token"]) == (200, None)
    following = _cookie(answer).value
    assert following != signed_in
    assert page(REFRESH, {}, following).status == 200


def test_a_token_in_the_body_comes_first_and_is_answered_in_the_body(
    page: Page, sign_up: SignUp, signed_in: str
) -> None:
    answer = page(REFRESH, {"refresh_token": sign_up()["refresh_token"]}, signed_in)
    assert answer.json["refresh_token"].startswith("hrt.")
    assert "set-cookie" not in answer.headers
    assert page(REFRESH, {}, signed_in).status == 200, "the cookie's was not used"


def test_neither_is_refused(page: Page, keys: Any) -> None:
    answer = page(REFRESH, {})
    assert (answer.status, answer.json["code"]) == (401, "invalid_refresh_token")


@pytest.mark.parametrize("url", [REFRESH, OUT])
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
        {"Sec_Fetch_Site": None},
        {"Sec_Fetch_Site": None, "Origin": "https://evil.example"},
        {"Sec_Fetch_Site": None, "Origin": "null"},
        {"Sec_Fetch_Site": "cross-site", "Origin": "http://localhost"},
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/x-www-form-urlencoded"},
    ],
    ids=str,
)
def test_no_other_site_can_use_it(
    page: Page, signed_in: str, url: str, headers: dict[str, Any]
) -> None:
    answer = page(url, {}, signed_in, **headers)
    assert answer.status == (415 if "Content_Type" in headers else 403)
    assert "set-cookie" not in answer.headers
    assert page(REFRESH, {}, signed_in).status == 200, "and it is as good as before"


@pytest.mark.parametrize("url", [UP, IN])
def test_no_other_site_can_have_it_set(page: Page, sign_up: SignUp, url: str) -> None:
    """Somebody signed in as somebody else tells them what they meant for themselves."""
    body = {"email": sign_up()["email"], "password": PASSWORD, "cookie": True}
    named = {"name": "Ada", "workspace_name": "B"} if url == UP else {}
    answer = page(url, body | named, Sec_Fetch_Site="cross-site")
    assert (answer.status, answer.json["code"]) == (403, "cross_site")


def test_a_browser_that_says_only_its_origin_may(page: Page, signed_in: str) -> None:
    headers = {"Sec_Fetch_Site": None, "Origin": "https://localhost", "Host": "localhost"}
    assert page(REFRESH, {}, signed_in, **headers).status == 200


def test_signing_out_ends_the_session_and_drops_it(page: Page, signed_in: str) -> None:
    answer = page(OUT, {}, signed_in)
    cookie = _cookie(answer)
    assert (answer.status, cookie.value, cookie["max-age"]) == (204, "", "0")
    assert (cookie["path"], cookie["secure"]) == ("/api/v1/auth", True)
    assert page(REFRESH, {}, signed_in).status == 401


def test_it_gets_through_api_gateway(sign_up: SignUp, page: Page, call: Call) -> None:
    """The proxy integration's answer, as the gateway turns it into HTTP."""
    answers: list[Any] = []

    def kept(event: Any, context: Any) -> Any:
        answers.append(handler(event, context))
        return answers[-1]

    body = {"email": sign_up()["email"], "password": PASSWORD, "cookie": True}
    call(kept, "POST", IN, body, headers=OURS, anonymous=True, role="crm_auth")
    sent = [value for name, value in from_response(answers[0]).headers if name == "set-cookie"]
    [cookie] = sent
    assert cookie.startswith(f"{NAME}=hrt.")
