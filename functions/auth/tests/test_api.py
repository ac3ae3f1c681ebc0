"""Signing up and in, through the real handler, database and Secrets Manager stand-in."""

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest

from functions.auth import passwords
from functions.auth.api import handler
from functions.auth.passwords import NOBODY
from functions.auth.tests.conftest import PASSWORD, Keys
from shared.testing import Answer, Call, Database, EventsOf, NewWorkspace, Workspace

UP, IN = "/api/v1/auth/sign-up", "/api/v1/auth/sign-in"
SignUp = Callable[..., dict[str, Any]]


def _post(call: Call, url: str, body: Any) -> Answer:
    return call(handler, "POST", url, body, anonymous=True, role="crm_auth")


def _sign_in(call: Call, email: str, password: str = PASSWORD, **more: Any) -> Answer:
    return _post(call, IN, {"email": email, "password": password, **more})


def test_signing_up_makes_an_owner_a_workspace_a_session_and_their_events(
    sign_up: SignUp, database: Database, events_of: EventsOf
) -> None:
    token = sign_up(email=" Ada@Example.ORG ".replace("Ada", f"A{uuid4().hex}"))
    place = Workspace(UUID(token["workspace_id"]), UUID(token["user_id"]))
    assert token["memberships"] == [{"workspace_id": str(place.id), "role": "owner"}]
    assert (token["role"], token["token_type"], token["expires_in"]) == ("owner", "Bearer", 900)
    event, opened = events_of(place)
    assert (event["type"], event["position"]) == ("WorkspaceCreated", 1)
    assert (opened["type"], opened["payload"]["method"]) == ("SessionOpened", "password")
    assert event["payload"]["name"] == "Engines"
    assert event["payload"]["actor"] == f"user:{place.user_id}"
    [person] = database.admin("select * from users where id = %(id)s", id=place.user_id)
    assert person["email"] == token["email"].strip().lower()
    assert person["password_hash"].startswith("$argon2id$")


def test_the_token_says_who_where_and_for_how_long(
    sign_up: SignUp, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HASTE_ACCESS_TOKEN_SECONDS", "86400")
    token = sign_up()
    key = keys.private["keys"][0]
    header = jwt.get_unverified_header(token["access_token"])
    assert header == {"alg": "ES256", "kid": key["kid"], "typ": "JWT"}
    claims = jwt.decode(
        token["access_token"], jwt.PyJWK(key), algorithms=["ES256"], audience="hastecrm-api"
    )
    assert set(claims) == {
        *("iss", "aud", "sub", "ws", "sid", "role", "scope", "iat", "exp", "jti")
    }
    assert (claims["iss"], claims["role"], claims["scope"]) == ("hastecrm", "owner", "")
    assert (claims["sub"], claims["ws"]) == (token["user_id"], token["workspace_id"])
    assert claims["exp"] - claims["iat"] == token["expires_in"] == 86_400
    assert abs(claims["iat"] - time.time()) < 60


def test_a_token_is_kept_by_no_cache(call: Call, sign_up: SignUp) -> None:
    answer = _sign_in(call, sign_up()["email"])
    assert answer.headers["cache-control"] == "no-store"


def test_a_taken_address_is_a_conflict_and_leaves_nothing_behind(
    call: Call, sign_up: SignUp, database: Database
) -> None:
    email = sign_up()["email"]
    before = database.admin("select count(*) from workspaces")
    body = {"email": email.upper(), "password": PASSWORD, "name": "B", "workspace_name": "B"}
    answer = _post(call, UP, body)
    assert (answer.status, answer.json["code"]) == (409, "account_exists")
    assert database.admin("select count(*) from workspaces") == before


def test_signing_in_with_the_password_only(call: Call, sign_up: SignUp) -> None:
    made = sign_up()
    answer = _sign_in(call, made["email"].upper())
    assert answer.status == 200
    same = ("workspace_id", "user_id", "role", "memberships")
    assert {name: answer.json[name] for name in same} == {name: made[name] for name in same}
    assert answer.json["access_token"] != made["access_token"]


def test_a_wrong_password_and_an_unknown_account_answer_alike(
    call: Call, sign_up: SignUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []
    hasher = passwords._HASHER  # pyright: ignore[reportPrivateUsage]

    class Counting:
        def verify(self, password_hash: str, password: str) -> bool:
            verified.append(password_hash)
            return hasher.verify(password_hash, password)

    email = sign_up()["email"]
    monkeypatch.setattr(passwords, "_HASHER", Counting())
    wrong = _sign_in(call, email, "something else")
    unknown = _sign_in(call, f"{uuid4()}@example.com", PASSWORD)
    assert (wrong.status, unknown.status) == (401, 401)
    assert _without_id(wrong) == _without_id(unknown)
    assert len(verified) == 2
    assert verified[1] == NOBODY


@pytest.mark.usefixtures("full_price")
def test_the_hash_for_nobody_costs_what_every_hash_costs() -> None:
    assert not passwords._HASHER.check_needs_rehash(NOBODY)  # pyright: ignore[reportPrivateUsage]


def test_one_of_several_workspaces_is_chosen_by_its_id(
    call: Call, sign_up: SignUp, new_workspace: NewWorkspace, database: Database
) -> None:
    made, second = sign_up(), new_workspace()
    database.admin(
        "insert into memberships (workspace_id, user_id, role) values (%(w)s, %(u)s, 'viewer')",
        w=second.id,
        u=made["user_id"],
    )
    first = _sign_in(call, made["email"]).json
    assert (first["workspace_id"], len(first["memberships"])) == (made["workspace_id"], 2)
    other = _sign_in(call, made["email"], workspace_id=str(second.id)).json
    assert (other["workspace_id"], other["role"]) == (str(second.id), "viewer")


def test_a_workspace_one_does_not_belong_to_is_forbidden(
    call: Call, sign_up: SignUp, workspace: Workspace
) -> None:
    email = sign_up()["email"]
    for stranger in (workspace.id, uuid4()):
        answer = _sign_in(call, email, workspace_id=str(stranger))
        assert (answer.status, answer.json["code"]) == (403, "not_a_member")


def test_a_password_is_the_same_however_it_is_composed(call: Call, sign_up: SignUp) -> None:
    email = sign_up(password="Zu\u0308rich ﬁnance")["email"]
    assert _sign_in(call, email, "Z\u00fcrich finance").status == 200


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"email": "nobody"}, "/email"),
        ({"email": "a\u0000@b.c d"}, "/email"),
        ({"password": "short"}, "/password"),
        ({"password": "x" * 201}, "/password"),
        ({"password": "long enough \ud800"}, "/password"),
        ({"password": None}, "/password"),
        ({"name": " "}, "/name"),
        ({"workspace_name": ""}, "/workspace_name"),
        ({"role": "owner"}, "/role"),
    ],
)
def test_bad_input_is_named_and_a_password_never_repeated(
    call: Call, keys: Keys, change: dict[str, Any], pointer: str
) -> None:
    body = {"email": "a@example.com", "password": PASSWORD, "name": "A", "workspace_name": "B"}
    answer = _post(call, UP, body | change)
    assert (answer.status, answer.headers["content-type"]) == (422, "application/problem+json")
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    assert PASSWORD not in answer.body.decode()


@pytest.mark.parametrize(
    "email", ["a\u0000b@example.com", "\ud83d\ude00@example.com", "ß@straße.de"]
)
def test_odd_addresses_are_no_accident(call: Call, keys: Keys, email: str) -> None:
    assert _sign_in(call, email).status in (401, 422)


def test_nothing_is_stored_while_there_is_no_signing_key(
    call: Call, keys: Keys, monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    monkeypatch.setenv("HASTE_SECRET_AUTH_PRIVATE_KEYS", "absent")
    email = f"{uuid4()}@example.com"
    body = {"email": email, "password": PASSWORD, "name": "A", "workspace_name": "B"}
    assert _post(call, UP, body).status == 500
    assert database.admin("select id from users where email = %(email)s", email=email) == []


def _without_id(answer: Answer) -> dict[str, Any]:
    return {name: value for name, value in answer.json.items() if name != "request_id"}
