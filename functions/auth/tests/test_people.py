"""Oneself: who one is, one's name, and whether one's address is proven."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from functions.auth.api import handler
from functions.auth.tests.conftest import PASSWORD
from functions.auth.tests.postman import Postman
from functions.auth.tests.test_passwords import caller_of
from shared.testing import Answer, Call, Database, EventsOf, NewWorkspace, Workspace

ME = "/api/v1/me"
VERIFY, ASK = "/api/v1/auth/verify-email", "/api/v1/auth/verify-email/request"
SignUp = Callable[..., dict[str, Any]]
Ask = Callable[..., Answer]


@pytest.fixture
def person(sign_up: SignUp, postman: Postman) -> dict[str, Any]:
    return sign_up()


@pytest.fixture
def ask(call: Call, person: dict[str, Any]) -> Ask:
    """A request by the person's session."""

    def send(method: str = "GET", body: Any = None) -> Answer:
        return call(handler, method, ME, body, workspace=caller_of(person), role="crm_auth")

    return send


@pytest.fixture
def post(call: Call) -> Ask:
    """A public request."""

    def send(url: str, body: Any) -> Answer:
        return call(handler, "POST", url, body, anonymous=True, role="crm_auth")

    return send


@pytest.fixture
def elsewhere(person: dict[str, Any], new_workspace: NewWorkspace, database: Database) -> Workspace:
    """Another workspace that the person is a viewer of."""
    place = new_workspace()
    database.admin(
        "insert into memberships (workspace_id, user_id, role) values (%(w)s, %(u)s, 'viewer')",
        w=place.id,
        u=person["user_id"],
    )
    return place


def test_one_sees_who_one_is_and_where(
    ask: Ask, person: dict[str, Any], elsewhere: Workspace
) -> None:
    assert ask().json == {
        "id": person["user_id"],
        "email": person["email"],
        "name": "Ada",
        "email_verified": False,
        "second_factor": None,
        "identities": [],
        "recovery_codes_left": 0,
        "memberships": [
            {"workspace_id": person["workspace_id"], "role": "owner"},
            {"workspace_id": str(elsewhere.id), "role": "viewer"},
        ],
    }


def test_a_key_sees_its_own_workspace_alone_and_changes_nothing(
    call: Call, person: dict[str, Any], elsewhere: Workspace
) -> None:
    def by_key(event: Any, context: Any) -> Any:
        del event["requestContext"]["authorizer"]["session_id"]
        event["requestContext"]["authorizer"]["key_id"] = str(uuid4())
        handle: Callable[..., Any] = handler
        return handle(event, context)

    place = caller_of(person)
    seen = call(by_key, "GET", ME, workspace=place, role="crm_auth")
    assert [one["workspace_id"] for one in seen.json["memberships"]] == [str(place.id)]
    for method, url, body in (
        ("PATCH", ME, {"name": "Eve"}),
        ("POST", f"{ME}/factors/totp", {"password": "x"}),
        ("POST", f"{ME}/factors/totp/confirm", {"code": "123456"}),
        ("POST", f"{ME}/factors/recovery-codes", {"code": "123456"}),
        ("DELETE", f"{ME}/factors/totp", {"code": "123456"}),
    ):
        answer = call(by_key, method, url, body, workspace=place, role="crm_auth")
        assert answer.status == 403, url


def test_a_new_name_is_told_in_every_workspace_once(
    ask: Ask, person: dict[str, Any], elsewhere: Workspace, events_of: EventsOf
) -> None:
    assert ask("PATCH", {"name": " Ada  King "}).json["name"] == "Ada King"
    assert ask("PATCH", {"name": "Ada King"}).status == 200
    assert ask().json["name"] == "Ada King"
    for place in (caller_of(person), elsewhere):
        [told] = [one for one in events_of(place) if one["type"] == "ProfileChanged"]
        assert told["payload"]["name"] == "Ada King"
        assert told["payload"]["aggregate_id"] == person["user_id"]
        assert told["payload"]["aggregate_version"] == 2


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "A", "email": "b@example.com"}])
def test_nothing_else_can_be_changed(ask: Ask, body: dict[str, Any]) -> None:
    assert ask("PATCH", body).status == 422


def test_a_person_who_is_gone_is_not_found(call: Call, workspace: Workspace) -> None:
    nobody = Workspace(workspace.id, uuid4())
    answer = call(handler, "GET", ME, workspace=nobody, role="crm_auth")
    assert (answer.status, answer.json["code"]) == (404, "person_not_found")


def _proof(token: str) -> dict[str, str]:
    return {"token": token, "password": PASSWORD}


def test_the_mail_of_signing_up_proves_the_address_once(
    ask: Ask, post: Ask, person: dict[str, Any], postman: Postman, events_of: EventsOf
) -> None:
    token = postman.token(person["email"])
    wrong = post(VERIFY, {"token": token, "password": "somebody else's"})
    assert (wrong.status, wrong.json["errors"][0]["pointer"]) == (422, "/password")
    assert ask().json["email_verified"] is False, "who reads the mail may not have the account"
    assert post(VERIFY, _proof(token)).status == 204
    assert ask().json["email_verified"] is True
    again = post(VERIFY, _proof(token))
    assert (again.status, again.json["code"]) == (400, "invalid_link")
    told = [one for one in events_of(caller_of(person)) if one["type"] == "EmailVerified"]
    assert [one["payload"]["actor"] for one in told] == [f"user:{person['user_id']}"]


def test_another_link_can_be_asked_for_until_it_is_proven(
    post: Ask, person: dict[str, Any], postman: Postman
) -> None:
    assert post(ASK, {"email": person["email"].upper()}).status == 202
    first, second = postman.mails(person["email"])
    assert post(VERIFY, _proof(second.token)).status == 204
    assert post(VERIFY, _proof(first.token)).status == 400
    answer = post(ASK, {"email": person["email"]})
    assert (answer.status, answer.json) == (202, post(ASK, {"email": "no@example.com"}).json)
    assert len(postman.mails(person["email"])) == 2


def test_a_link_that_resets_proves_no_address_by_itself(
    ask: Ask, post: Ask, person: dict[str, Any], postman: Postman
) -> None:
    """Each link is for one thing."""
    post("/api/v1/auth/reset-password/request", {"email": person["email"]})
    token = postman.token(person["email"])
    for given in (token, "", "forged", "\ud800"):
        assert post(VERIFY, _proof(given)).status == 400
    assert ask().json["email_verified"] is False


def test_a_reset_proves_the_address_too(
    ask: Ask, post: Ask, person: dict[str, Any], postman: Postman
) -> None:
    post("/api/v1/auth/reset-password/request", {"email": person["email"]})
    given = {"token": postman.token(person["email"]), "password": "another horse entirely"}
    assert post("/api/v1/auth/reset-password", given).status == 204
    assert ask().json["email_verified"] is True
