"""Signing in with Google, the whole way: an emulator is Google, and a browser goes there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http.cookies import SimpleCookie
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest

from functions.auth.api import handler
from functions.auth.external_api import COOKIE
from functions.auth.tests.conftest import PASSWORD
from functions.auth.tests.elsewhere import BEGIN, FINISH, Visitor, asked_by, consent
from functions.auth.tests.postman import Postman
from functions.auth.tests.test_passwords import ASK, RESET, caller_of
from functions.auth.throttle import ALLOWED
from infra_cdk.local.google.emulate import Google
from infra_cdk.local.google.testing import CLIENT_ID, CLIENT_SECRET, CONSOLE_URL, SIGN_IN_URI
from shared.testing import Answer, Call, Database, EventsOf, NewWorkspace, Workspace
from shared.tests.attempts import Crowd, crowd

pytest_plugins = ["infra_cdk.local.google.fixtures"]

ANA = "ana@acme.example"
ENTRY = "functions.auth.external_api.handler"
REFRESH = "/api/v1/auth/refresh"
VERIFY = "/api/v1/auth/verify-email"
SignUp = Callable[..., dict[str, Any]]
Registered = Callable[[str, str, str], None]


@pytest.fixture(autouse=True)
def at_google(elsewhere: Registered, google: Google) -> None:
    elsewhere(google.url, CLIENT_ID, CLIENT_SECRET)


@pytest.fixture(scope="module")
def everybody() -> Iterator[Crowd]:
    with crowd(4) as environments:
        yield environments


@pytest.fixture
def person(sign_up: SignUp, database: Database) -> dict[str, Any]:
    """Ana, who signed up with a password and has proven her address."""
    token = sign_up(email=ANA)
    _verify(database, token)
    return token


def _verify(database: Database, token: dict[str, Any]) -> None:
    database.admin(
        "update users set email_verified_at = now() where id = %(id)s::uuid", id=token["user_id"]
    )


def _told(events_of: EventsOf, place: Workspace, kind: str) -> list[dict[str, Any]]:
    return [one["payload"] for one in events_of(place) if one["type"] == kind]


def _linked(database: Database) -> list[UUID]:
    rows = database.admin("select user_id from external_identities order by created_at")
    return [row["user_id"] for row in rows]


def _refused(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.json["code"]) == (status, code)


def test_who_is_new_has_an_account_and_a_workspace(
    visitor: Visitor, call: Call, database: Database, events_of: EventsOf
) -> None:
    answer = visitor.sign_in(ANA, workspace_name="Engines")
    assert answer.status == 200, answer.json
    assert answer.headers["cache-control"] == "no-store"
    token, place = answer.json, caller_of(answer.json)
    assert token["refresh_token"].startswith("hrt.")
    assert token["memberships"] == [{"workspace_id": str(place.id), "role": "owner"}]
    profile = call(handler, "GET", "/api/v1/me", workspace=place, role="crm_auth").json
    assert (profile["email"], profile["email_verified"]) == (ANA, True)
    assert profile["name"] == "ana"
    [made] = _told(events_of, place, "WorkspaceCreated")
    assert made["name"] == "Engines"
    assert [one["provider"] for one in _told(events_of, place, "IdentityLinked")] == ["google"]
    assert [one["method"] for one in _told(events_of, place, "SessionOpened")] == ["google"]
    assert _linked(database) == [place.user_id]
    assert database.admin("select 1 from external_sign_ins") == []


def test_a_workspace_without_a_name_has_its_owners(visitor: Visitor, events_of: EventsOf) -> None:
    place = caller_of(visitor.sign_in(ANA).json)
    [made] = _told(events_of, place, "WorkspaceCreated")
    assert made["name"] == "ana's workspace"


def test_who_comes_back_is_the_same(visitor: Visitor, events_of: EventsOf) -> None:
    first, again = visitor.sign_in(ANA).json, visitor.sign_in(ANA, workspace_name="Other").json
    assert (again["user_id"], again["memberships"]) == (first["user_id"], first["memberships"])
    assert len(_told(events_of, caller_of(first), "IdentityLinked")) == 1


def test_the_authorization_request_is_bound_to_this_browser_and_this_sign_in(
    visitor: Visitor, google: Google
) -> None:
    """RFC 9700 §2.1.1: PKCE, state and nonce, each of them new."""
    asked = [asked_by(visitor.begin()) for _ in range(2)]
    for one in asked:
        assert (one["response_type"], one["client_id"]) == ("code", CLIENT_ID)
        assert (one["redirect_uri"], one["scope"]) == (SIGN_IN_URI, "openid email profile")
        assert one["code_challenge_method"] == "S256"
        assert [len(one[name]) for name in ("state", "nonce", "code_challenge")] == [43, 43, 43]
    fresh = ("state", "nonce", "code_challenge")
    assert all(asked[0][name] != asked[1][name] for name in fresh)


# Accounts that are there already


def test_a_proven_address_is_linked_and_told_everywhere(
    visitor: Visitor,
    person: dict[str, Any],
    new_workspace: NewWorkspace,
    database: Database,
    events_of: EventsOf,
) -> None:
    other = new_workspace()
    database.admin(
        "insert into memberships (workspace_id, user_id, role) values (%(w)s, %(u)s, 'viewer')",
        w=other.id,
        u=person["user_id"],
    )
    token = visitor.sign_in(ANA, workspace_id=str(other.id)).json
    assert (token["user_id"], token["workspace_id"]) == (person["user_id"], str(other.id))
    assert len(token["memberships"]) == 2
    for place in (caller_of(person), other):
        [told] = _told(events_of, place, "IdentityLinked")
        assert (told["aggregate_id"], told["actor"]) == (
            person["user_id"],
            f"user:{person['user_id']}",
        )
        audited = database.admin(
            "select 1 from audit_log where workspace_id = %(w)s and action = 'IdentityLinked'",
            w=place.id,
        )
        assert len(audited) == 1
    here = {"refresh_token": token["refresh_token"], "workspace_id": person["workspace_id"]}
    moved = visitor.call(handler, "POST", REFRESH, here, anonymous=True, role="crm_auth")
    assert moved.status == 200, "Google's sign-in is good wherever one belongs"


def test_an_address_that_nobody_has_proven_is_not_shared(
    visitor: Visitor,
    sign_up: SignUp,
    database: Database,
    postman: Postman,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever signed up with it beforehand still has the password."""
    monkeypatch.setenv("HASTE_CONSOLE_URL", CONSOLE_URL)
    squatter = sign_up(email=ANA)
    _refused(visitor.sign_in(ANA), 409, "address_not_proven")
    assert _linked(database) == []
    opened = postman.token(ANA)  # by who has the address, and not the password
    proof = {"token": opened, "password": "whatever Ana would say"}
    tried = visitor.call(handler, "POST", VERIFY, proof, anonymous=True, role="crm_auth")
    assert tried.status == 422
    _refused(visitor.sign_in(ANA), 409, "address_not_proven")
    _verify(database, squatter)
    assert visitor.sign_in(ANA).json["user_id"] == squatter["user_id"]


def test_a_second_factor_is_not_gone_round_by_the_address(
    visitor: Visitor, person: dict[str, Any], database: Database
) -> None:
    def factor(confirmed: str | None) -> None:
        database.admin(
            """
            insert into totp_factors (user_id, sealed, confirmed_at)
            values (%(u)s::uuid, 'sealed', %(at)s::timestamptz)
            on conflict (user_id) do update set confirmed_at = excluded.confirmed_at
            """,
            u=person["user_id"],
            at=confirmed,
        )

    factor("2026-01-01T00:00Z")
    _refused(visitor.sign_in(ANA), 409, "factor_guards_account")
    assert _linked(database) == []
    factor(None)
    assert visitor.sign_in(ANA).status == 200
    factor("2026-01-01T00:00Z")
    assert visitor.sign_in(ANA).status == 200, "linked, it is Google's to ask for a factor"


@pytest.mark.usefixtures("full_price")
def test_a_new_account_has_no_password_until_it_is_reset(
    visitor: Visitor,
    call: Call,
    postman: Postman,
    verified: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HASTE_CONSOLE_URL", CONSOLE_URL)

    def post(url: str, body: Any) -> Answer:
        return call(handler, "POST", url, body, anonymous=True, role="crm_auth")

    user_id = visitor.sign_in(ANA).json["user_id"]
    given = {"email": ANA, "password": PASSWORD}
    _refused(post("/api/v1/auth/sign-in", given), 401, "wrong_credentials")
    [kept] = verified
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$"), "it costs as much as any other"
    assert post(ASK, {"email": ANA}).status == 202
    reset = {"token": postman.token(ANA), "password": PASSWORD}
    assert post(RESET, reset).status == 204
    assert post("/api/v1/auth/sign-in", given).json["user_id"] == user_id


def test_a_workspace_that_one_does_not_belong_to(
    visitor: Visitor, workspace: Workspace, person: dict[str, Any]
) -> None:
    _refused(visitor.sign_in(ANA, workspace_id=str(workspace.id)), 403, "not_a_member")


# Once, lately, by whoever began it


def test_it_is_finished_once(visitor: Visitor) -> None:
    begun = visitor.begin()
    said = consent(begun["authorization_url"], ANA)
    assert visitor.finish(begun, said).status == 200
    _refused(visitor.finish(begun, said), 400, "invalid_sign_in")


def test_nobody_finishes_what_another_one_began(visitor: Visitor) -> None:
    """Else somebody could be signed in as another without a notice (RFC 9700 §4.7)."""
    theirs, mine = visitor.begin(), visitor.begin()
    said = consent(theirs["authorization_url"], ANA)
    for binding in (mine["binding"], "", "x" * 43, "\ud800"):
        _refused(visitor.finish({"binding": binding}, said), 400, "invalid_sign_in")
    _refused(visitor.post(FINISH, said), 400, "invalid_sign_in")
    _refused(visitor.finish(theirs, {**said, "state": "x" * 43}), 400, "invalid_sign_in")
    assert visitor.finish(theirs, said).status == 200, "and the others have not used it up"


def test_after_ten_minutes_it_is_over(visitor: Visitor, database: Database) -> None:
    begun = visitor.begin()
    assert begun["expires_in"] == 600
    said = consent(begun["authorization_url"], ANA)
    database.admin("update external_sign_ins set expires_at = expires_at - interval '10 minutes'")
    _refused(visitor.finish(begun, said), 400, "invalid_sign_in")


def test_what_is_over_is_deleted(visitor: Visitor, postman: Postman, database: Database) -> None:
    database.admin("delete from external_sign_ins")
    for _ in range(2):
        visitor.begin()
    database.admin(
        """
        update external_sign_ins set expires_at = now() - interval '1 second'
        where state_hash = (select min(state_hash::text)::bytea from external_sign_ins)
        """
    )
    postman.job("expire-mails")
    assert len(database.admin("select 1 from external_sign_ins")) == 1


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        ("access_denied", 403, "declined"),
        ("login_required", 403, "declined"),
        ("server_error", 400, "provider_refused"),
        ("<script>alert(1)</script>", 400, "provider_refused"),
    ],
)
def test_who_does_not_agree_is_told_so(
    visitor: Visitor, error: str, status: int, code: str
) -> None:
    begun = visitor.begin()
    state = asked_by(begun)["state"]
    answer = visitor.finish(begun, {"state": state, "error": error})
    _refused(answer, status, code)
    assert error not in answer.body.decode()
    _refused(visitor.finish(begun, {"state": state, "code": "x"}), 400, "invalid_sign_in")


def test_a_code_that_is_none(visitor: Visitor, database: Database) -> None:
    begun = visitor.begin()
    said = consent(begun["authorization_url"], ANA)
    answer = visitor.finish(begun, {**said, "code": "another"})
    _refused(answer, 400, "provider_refused")
    assert "incorrect" not in answer.body.decode(), "what a provider answers is not passed on"
    assert _linked(database) == []


def test_the_code_of_another_sign_in_is_of_no_use(visitor: Visitor) -> None:
    """A code that was stolen and put into a sign-in of one's own (RFC 9700 §4.5): PKCE."""
    victim, thief = visitor.begin(), visitor.begin()
    stolen = consent(victim["authorization_url"], ANA)["code"]
    own = consent(thief["authorization_url"], "ben@acme.example")
    _refused(visitor.finish(thief, {**own, "code": stolen}), 400, "provider_refused")


def test_finished_by_four_at_once_it_gives_one_session(
    visitor: Visitor, everybody: Crowd, call: Call, database: Database
) -> None:
    begun = visitor.begin()
    body = {"binding": begun["binding"], **consent(begun["authorization_url"], ANA)}
    asking = {"anonymous": True, "role": "crm_auth"}
    answers = everybody.at_once(call, ENTRY, "POST", FINISH, body, **asking)
    assert sorted(one.status for one in answers) == [200, 400, 400, 400]
    [token] = [one.json for one in answers if one.status == 200]
    opened = database.admin(
        "select 1 from sessions where user_id = %(u)s::uuid", u=token["user_id"]
    )
    assert len(opened) == 1


def test_four_first_sign_ins_at_once_make_one_person(
    visitor: Visitor, everybody: Crowd, call: Call, database: Database
) -> None:
    bodies: list[dict[str, str]] = []
    for _ in range(4):
        begun = visitor.begin()
        said = consent(begun["authorization_url"], ANA)
        bodies.append({"binding": begun["binding"], **said})
    asking = {"anonymous": True, "role": "crm_auth"}
    asked = [
        everybody.ask(n, call, ENTRY, "POST", FINISH, body, **asking)
        for n, body in enumerate(bodies)
    ]
    answers = [one.result(timeout=60) for one in asked]
    assert [one.status for one in answers] == [200] * 4, [one.json for one in answers]
    [user_id] = {one.json["user_id"] for one in answers}
    assert {one.json["workspace_id"] for one in answers} == {answers[0].json["workspace_id"]}
    assert [str(one) for one in _linked(database)] == [user_id]
    assert len(database.admin("select 1 from users where email = %(e)s", e=ANA)) == 1


# Browsers


def _cookie(answer: Answer, name: str) -> Any:
    return SimpleCookie(answer.headers["set-cookie"])[name]


OURS = {"Sec_Fetch_Site": "same-origin"}


def test_in_a_browser_no_script_sees_what_it_is_bound_by(visitor: Visitor) -> None:
    begun = visitor.post(BEGIN, {"provider": "google", "cookie": True}, **OURS)
    assert begun.json["binding"] is None
    cookie = _cookie(begun, COOKIE)
    assert (cookie["path"], cookie["samesite"], cookie["domain"]) == ("/", "strict", "")
    assert cookie["secure"]
    assert cookie["httponly"]
    assert cookie["max-age"] == "600"
    assert cookie.value not in begun.body.decode()
    said = consent(begun.json["authorization_url"], ANA)
    sent = {"Cookie": f"{COOKIE}={cookie.value}"}
    for headers in (sent, sent | {"Sec_Fetch_Site": "cross-site"}):
        _refused(visitor.post(FINISH, said, **headers), 403, "cross_site")
    answer = visitor.post(FINISH, said, **sent, **OURS)
    assert (answer.status, answer.json["refresh_token"]) == (200, None)
    assert "__Secure-haste-refresh" in answer.headers["set-cookie"]


def test_no_other_site_begins_one(visitor: Visitor) -> None:
    _refused(visitor.post(BEGIN, {"provider": "google", "cookie": True}), 403, "cross_site")


# What there is not, and too much of it


@pytest.mark.parametrize(("client_id", "client_secret"), [("", ""), (CLIENT_ID, "")])
def test_google_is_not_set_up(
    visitor: Visitor, elsewhere: Registered, google: Google, client_id: str, client_secret: str
) -> None:
    elsewhere(google.url, client_id, client_secret)
    _refused(visitor.post(BEGIN, {"provider": "google"}), 404, "google_not_set_up")


def test_a_secret_that_was_never_put_is_no_error(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HASTE_SECRET_GOOGLE_OAUTH", f"none-{uuid4()}")
    _refused(visitor.post(BEGIN, {"provider": "google"}), 404, "google_not_set_up")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"provider": "facebook"},
        {"provider": "sso"},
        {"provider": "google", "workspace_name": ""},
        {"provider": "google", "redirect_uri": "https://evil.example/"},
    ],
)
def test_what_begins_none(visitor: Visitor, body: dict[str, Any]) -> None:
    assert visitor.post(BEGIN, body).status == 422


@pytest.mark.parametrize(
    "body", [{}, {"state": "s"}, {"state": "s", "code": "c", "error": "e"}, {"code": "c"}]
)
def test_what_finishes_none(visitor: Visitor, body: dict[str, Any]) -> None:
    assert visitor.post(FINISH, {"binding": "b", **body}).status == 422


def test_attempts_from_one_address_are_limited(visitor: Visitor, google: Google) -> None:
    wrong = {"state": "x" * 43, "code": "x", "binding": "x"}
    allowed = ALLOWED["external"].address.quota
    found = [visitor.post(FINISH, wrong).status for _ in range(allowed + 1)]
    assert found == [400] * allowed + [429]
    answer = visitor.post(BEGIN, {"provider": "google"})
    _refused(answer, 429, "throttled")
    assert int(answer.headers["retry-after"]) > 0


def test_tokens_name_the_session(visitor: Visitor, call: Call) -> None:
    token = visitor.sign_in(ANA).json
    place = caller_of(token)
    listed = call(handler, "GET", "/api/v1/sessions", workspace=place, role="crm_auth").json
    sid = jwt.decode(token["access_token"], options={"verify_signature": False})["sid"]
    assert [(one["id"], one["method"]) for one in listed["items"]] == [(sid, "google")]
