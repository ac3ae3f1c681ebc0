"""The second factor, through the real handlers and KMS: on, asked for, replayed, forced, off."""

from __future__ import annotations

import time
from base64 import b32encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from pydantic import SecretStr
from pyotp.totp import TOTP as App

from functions.auth import totp
from functions.auth.api import handler
from functions.auth.commands import sessions
from functions.auth.models.factors import CHALLENGE_ATTEMPTS
from functions.auth.tests.conftest import PASSWORD, Asking
from functions.auth.tests.postman import Postman
from functions.auth.tests.test_passwords import caller_of
from functions.auth.throttle import ALLOWED
from shared.testing import Answer, Call, Database, EventsOf, Workspace

TOTP, CODES = "/api/v1/me/factors/totp", "/api/v1/me/factors/recovery-codes"
IN, STEP = "/api/v1/auth/sign-in", "/api/v1/auth/second-factor"
SignUp = Callable[..., dict[str, Any]]
Ask = Callable[..., Answer]


@dataclass
class Person:
    """Somebody with a second factor, and their app."""

    token: dict[str, Any]
    app: App
    codes: list[str]
    database: Database

    @property
    def email(self) -> str:
        return self.token["email"]

    @property
    def caller(self) -> Workspace:
        return caller_of(self.token)

    def code(self) -> str:
        """A code that is good: time has gone by since the last one."""
        self.database.admin(
            "update totp_factors set last_step = 0 where user_id = %(id)s",
            id=self.token["user_id"],
        )
        return self.app.now()

    def wrong(self) -> str:
        """A code that is not good, now or in the steps around."""
        good = {self.app.at(time.time() + 30 * n) for n in range(-3, 4)}
        return next(code for n in range(10) if (code := f"{n:06}") not in good)


@pytest.fixture
def post(call: Call, postman: Postman) -> Ask:
    """A public request."""

    def send(url: str, body: Any, by: Callable[..., Any] = handler) -> Answer:
        return call(by, "POST", url, body, anonymous=True, role="crm_auth")

    return send


@pytest.fixture
def me(call: Call) -> Ask:
    """A request by the session of a token."""

    def send(token: dict[str, Any], method: str, url: str, body: Any) -> Answer:
        return call(handler, method, url, body, workspace=caller_of(token), role="crm_auth")

    return send


@pytest.fixture
def newcomer(sign_up: SignUp, postman: Postman, database: Database) -> dict[str, Any]:
    """Somebody whose address is proven, without a second factor."""
    token = sign_up()
    database.admin(
        "update users set email_verified_at = now() where id = %(id)s", id=token["user_id"]
    )
    return token


@pytest.fixture
def person(newcomer: dict[str, Any], me: Ask, database: Database) -> Person:
    """The same with one."""
    started = me(newcomer, "POST", TOTP, {"password": PASSWORD})
    assert started.status == 201, started.json
    app = App(started.json["secret"])
    confirmed = me(newcomer, "POST", f"{TOTP}/confirm", {"code": app.now()})
    assert confirmed.status == 200, confirmed.json
    return Person(newcomer, app, confirmed.json["recovery_codes"], database)


def begin(post: Ask, person: Person) -> str:
    """The challenge of a sign-in."""
    answer = post(IN, {"email": person.email, "password": PASSWORD})
    assert answer.status == 200, answer.json
    return answer.json["challenge"]


# Turning it on


def test_the_secret_is_shown_once_and_as_apps_read_it(
    newcomer: dict[str, Any], me: Ask, database: Database, capsys: Any
) -> None:
    answer = me(newcomer, "POST", TOTP, {"password": PASSWORD})
    secret = answer.json["secret"]
    assert len(secret) == 32
    assert answer.headers["cache-control"] == "no-store"
    uri = urlsplit(str(answer.json["uri"]))
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert parse_qs(uri.query) == {"secret": [secret], "issuer": ["hasteCRM"]}
    assert secret not in me(newcomer, "GET", "/api/v1/me", None).body.decode()
    [row] = database.admin(
        "select * from totp_factors where user_id = %(i)s", i=newcomer["user_id"]
    )
    assert secret.encode() not in bytes(row["sealed"])
    said = capsys.readouterr()
    assert secret not in said.out + said.err


def test_it_counts_when_it_is_confirmed_and_no_sooner(
    newcomer: dict[str, Any], me: Ask, post: Ask
) -> None:
    secret = me(newcomer, "POST", TOTP, {"password": PASSWORD}).json["secret"]
    given = {"email": newcomer["email"], "password": PASSWORD}
    assert "access_token" in post(IN, given).json
    assert me(newcomer, "GET", "/api/v1/me", None).json["second_factor"] is None
    for method, url in (("DELETE", TOTP), ("POST", CODES)):
        body = {"code": App(secret).now()}
        assert me(newcomer, method, url, body).json["code"] == "factor_not_found"


def test_another_start_replaces_what_was_not_confirmed(newcomer: dict[str, Any], me: Ask) -> None:
    first, second = (
        App(me(newcomer, "POST", TOTP, {"password": PASSWORD}).json["secret"]) for _ in range(2)
    )
    answer = me(newcomer, "POST", f"{TOTP}/confirm", {"code": first.now()})
    assert (answer.status, answer.json["code"]) == (422, "wrong_code")
    assert answer.json["errors"][0]["pointer"] == "/code"
    assert me(newcomer, "POST", f"{TOTP}/confirm", {"code": second.now()}).status == 200


def test_it_takes_the_password_and_a_proven_address(
    newcomer: dict[str, Any], sign_up: SignUp, me: Ask
) -> None:
    wrong = me(newcomer, "POST", TOTP, {"password": "wrong"})
    assert (wrong.status, wrong.json["code"]) == (422, "wrong_password")
    assert me(newcomer, "POST", TOTP, {}).status == 422
    unproven = me(sign_up(), "POST", TOTP, {"password": PASSWORD})
    assert (unproven.status, unproven.json["code"]) == (403, "email_not_verified")


def test_one_that_is_on_is_not_replaced(person: Person, me: Ask) -> None:
    for url, body in ((TOTP, {"password": PASSWORD}), (f"{TOTP}/confirm", {"code": "123456"})):
        answer = me(person.token, "POST", url, body)
        assert (answer.status, answer.json["code"]) == (409, "factor_exists")


def test_turning_it_on_is_told_and_ends_other_sessions(
    newcomer: dict[str, Any], me: Ask, post: Ask, postman: Postman, events_of: EventsOf
) -> None:
    other = post(IN, {"email": newcomer["email"], "password": PASSWORD}).json
    app = App(me(newcomer, "POST", TOTP, {"password": PASSWORD}).json["secret"])
    begun = len(events_of(caller_of(newcomer)))
    codes = me(newcomer, "POST", f"{TOTP}/confirm", {"code": app.now()}).json["recovery_codes"]
    assert len(set(codes)) == 10
    changed, revoked = events_of(caller_of(newcomer))[begun:]
    assert (changed["type"], changed["payload"]["change"]) == ("SecondFactorChanged", "added")
    assert revoked["payload"]["reason"] == "factor_changed"
    assert revoked["payload"]["aggregate_id"] == str(caller_of(other).session_id)
    refreshed = post("/api/v1/auth/refresh", {"refresh_token": newcomer["refresh_token"]})
    assert refreshed.status == 200
    assert postman.mails(newcomer["email"])[-1].subject == "Your second factor is on"
    seen = me(newcomer, "GET", "/api/v1/me", None).json
    assert (seen["second_factor"], seen["recovery_codes_left"]) == ("totp", 10)


def test_a_stolen_row_opens_for_nobody_else(person: Person, newcomer: dict[str, Any]) -> None:
    sealed = totp.seal("SECRET", UUID(newcomer["user_id"]))
    assert totp.unseal(sealed, UUID(newcomer["user_id"])) == "SECRET"
    with pytest.raises(Exception, match="InvalidCiphertext"):
        totp.unseal(sealed, UUID(int=1))


# Signing in


def test_signing_in_takes_both(person: Person, post: Ask, events_of: EventsOf) -> None:
    answer = post(IN, {"email": person.email, "password": PASSWORD})
    assert set(answer.json) == {"second_factor", "challenge", "expires_in"}
    assert (answer.json["second_factor"], answer.json["expires_in"]) == ("totp", 300)
    assert answer.headers["cache-control"] == "no-store"
    given = {"challenge": answer.json["challenge"], "code": person.code()}
    done = post(STEP, given)
    assert done.status == 200
    assert done.json["user_id"] == person.token["user_id"]
    assert done.headers["cache-control"] == "no-store"
    opened = events_of(person.caller)[-1]
    assert (opened["type"], opened["payload"]["method"]) == ("SessionOpened", "totp")
    assert opened["payload"]["actor"] == f"user:{person.token['user_id']}"
    assert post("/api/v1/auth/refresh", {"refresh_token": done.json["refresh_token"]}).status == 200


def test_a_wrong_password_tells_nothing_of_the_factor(person: Person, post: Ask) -> None:
    answers = [
        post(IN, {"email": email, "password": "wrong"})
        for email in (person.email, "nobody@example.com")
    ]
    bodies = [one.json | {"request_id": ""} for one in answers]
    assert bodies[0] == bodies[1]
    assert answers[0].status == 401


def test_a_challenge_is_good_once(person: Person, post: Ask) -> None:
    challenge = begin(post, person)
    assert post(STEP, {"challenge": challenge, "code": person.code()}).status == 200
    again = post(STEP, {"challenge": challenge, "code": person.code()})
    assert (again.status, again.json["code"]) == (401, "invalid_challenge")


def test_a_code_is_good_once_and_none_before_it(person: Person, post: Ask) -> None:
    code, earlier = person.code(), person.app.at(time.time() - 30)
    assert post(STEP, {"challenge": begin(post, person), "code": code}).status == 200
    for replayed in (code, earlier):
        answer = post(STEP, {"challenge": begin(post, person), "code": replayed})
        assert (answer.status, answer.json["code"]) == (401, "wrong_second_factor")


def test_the_code_that_turned_it_on_signs_nobody_in(
    newcomer: dict[str, Any], me: Ask, post: Ask
) -> None:
    app = App(me(newcomer, "POST", TOTP, {"password": PASSWORD}).json["secret"])
    code = app.now()
    assert me(newcomer, "POST", f"{TOTP}/confirm", {"code": code}).status == 200
    begun = post(IN, {"email": newcomer["email"], "password": PASSWORD}).json["challenge"]
    assert post(STEP, {"challenge": begun, "code": code}).status == 401


def test_a_clock_may_be_one_step_off_and_not_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a vector of RFC 6238, appendix B, at 1111111109 s, in its last six digits."""
    secret, step, first = b32encode(b"12345678901234567890").decode(), 37_037_036, 1_111_111_080
    for now, found in ((-31, None), (-30, step), (0, step), (59, step), (60, None)):
        monkeypatch.setattr(totp, "time", SimpleNamespace(time=lambda now=now: first + now))
        assert totp.step_of(secret, SecretStr("081804")) == found, now


def test_attempts_at_a_challenge_are_few_right_or_wrong(person: Person, post: Ask) -> None:
    challenge = begin(post, person)
    for _ in range(CHALLENGE_ATTEMPTS):
        answer = post(STEP, {"challenge": challenge, "code": person.wrong()})
        assert (answer.status, answer.json["code"]) == (401, "wrong_second_factor")
    late = post(STEP, {"challenge": challenge, "code": person.code()})
    assert (late.status, late.json["code"]) == (401, "invalid_challenge")


def test_guessing_is_slow_however_many_challenges_and_places_there_are(
    person: Person, post: Ask, asking: Asking
) -> None:
    """Whoever has the password makes as many challenges as they like."""
    allowed = ALLOWED["factor"]
    statuses: list[int] = []
    for n in range(allowed.account.quota + 3):
        body = {"challenge": begin(post, person), "code": person.wrong()}
        statuses.append(post(STEP, body, asking(address=f"192.0.2.{n}")).status)
    assert statuses == [401] * allowed.account.quota + [429] * 3


def test_a_challenge_is_over_after_a_while(person: Person, post: Ask, database: Database) -> None:
    challenge = begin(post, person)
    database.admin(
        "update challenges set expires_at = now() where user_id = %(id)s",
        id=person.token["user_id"],
    )
    answer = post(STEP, {"challenge": challenge, "code": person.code()})
    assert answer.json["code"] == "invalid_challenge"


def test_a_challenge_is_for_its_own_account(
    person: Person, post: Ask, sign_up: SignUp, me: Ask, database: Database
) -> None:
    other = sign_up()
    database.admin(
        "update users set email_verified_at = now() where id = %(id)s", id=other["user_id"]
    )
    app = App(me(other, "POST", TOTP, {"password": PASSWORD}).json["secret"])
    codes = me(other, "POST", f"{TOTP}/confirm", {"code": app.now()}).json["recovery_codes"]
    challenge = begin(post, person)
    for given in ({"code": app.at(time.time() + 30)}, {"recovery_code": codes[0]}):
        assert post(STEP, {"challenge": challenge, **given}).status == 401


@pytest.mark.parametrize("challenge", ["", "forged", "\ud800", "x" * 200])
def test_a_forged_challenge_is_none(challenge: str, post: Ask) -> None:
    answer = post(STEP, {"challenge": challenge, "code": "123456"})
    assert (answer.status, answer.json["code"]) == (401, "invalid_challenge")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"code": "12345"},
        {"code": "1234567"},
        {"code": "١٢٣٤٥٦"},
        {"code": "abcdef"},
        {"recovery_code": "short"},
        {"recovery_code": "é" * 16},
        {"code": "123456", "recovery_code": "ABCD-EFGH-IJKL-MNOP"},
        {"code": None, "recovery_code": None},
        {"code": "123456", "more": 1},
    ],
)
def test_what_is_no_code_is_bad_input(given: dict[str, Any], post: Ask) -> None:
    answer = post(STEP, {"challenge": "x", **given})
    assert (answer.status, answer.json["code"]) == (422, "unprocessable")


def test_a_code_may_be_typed_with_spaces(person: Person, post: Ask) -> None:
    code = person.code()
    given = {"challenge": begin(post, person), "code": f" {code[:3]} {code[3:]} "}
    assert post(STEP, given).status == 200


def test_a_workspace_can_be_chosen_and_a_wrong_choice_uses_up_nothing(
    person: Person, post: Ask, workspace: Workspace, events_of: EventsOf
) -> None:
    challenge, code = begin(post, person), person.code()
    given = {"challenge": challenge, "code": code, "workspace_id": str(workspace.id)}
    answer = post(STEP, given)
    assert (answer.status, answer.json["code"]) == (403, "not_a_member")
    given["workspace_id"] = person.token["workspace_id"]
    assert post(STEP, given).status == 200


def test_the_refresh_token_may_come_as_a_cookie_from_our_own_pages_only(
    person: Person, call: Call, post: Ask
) -> None:
    body = {"challenge": begin(post, person), "code": person.code(), "cookie": True}
    assert post(STEP, body).json["code"] == "cross_site"
    headers = {"Sec-Fetch-Site": "same-origin"}
    answer = call(handler, "POST", STEP, body, headers=headers, anonymous=True, role="crm_auth")
    assert answer.status == 200
    assert answer.json["refresh_token"] is None
    assert "HttpOnly" in answer.headers["set-cookie"]


def test_where_the_cache_is_gone_it_goes_on(person: Person, post: Ask, no_cache: None) -> None:
    assert post(STEP, {"challenge": begin(post, person), "code": person.code()}).status == 200


@pytest.fixture
def no_cache(person: Person, monkeypatch: pytest.MonkeyPatch, database: Database) -> Iterator[None]:
    """A cache that does not answer."""
    monkeypatch.setenv("HASTE_CACHE_URL", "redis://127.0.0.1:1")
    yield
    database.admin("delete from throttles")


# Recovery codes


def test_a_recovery_code_signs_in_once_and_is_told(
    person: Person, post: Ask, me: Ask, postman: Postman, events_of: EventsOf, database: Database
) -> None:
    typed = person.codes[0].lower().replace("-", " ")
    given = {"challenge": begin(post, person), "recovery_code": typed}
    assert post(STEP, given).status == 200
    assert events_of(person.caller)[-1]["payload"]["method"] == "recovery_code"
    assert me(person.token, "GET", "/api/v1/me", None).json["recovery_codes_left"] == 9
    assert postman.mails(person.email)[-1].subject == "A recovery code was used"
    again = post(STEP, given | {"challenge": begin(post, person)})
    assert (again.status, again.json["code"]) == (401, "wrong_second_factor")
    rows = database.admin(
        "select hash from recovery_codes where user_id = %(i)s", i=person.token["user_id"]
    )
    assert {len(bytes(row["hash"])) for row in rows} == {32}


def test_new_recovery_codes_replace_the_old(
    person: Person, post: Ask, me: Ask, postman: Postman, events_of: EventsOf
) -> None:
    answer = me(person.token, "POST", CODES, {"recovery_code": person.codes[0]})
    assert answer.headers["cache-control"] == "no-store"
    new = answer.json["recovery_codes"]
    assert len(set(new) | set(person.codes)) == 20
    assert events_of(person.caller)[-1]["payload"]["change"] == "recovery_codes"
    assert postman.mails(person.email)[-1].subject == "You have new recovery codes"
    old = {"challenge": begin(post, person), "recovery_code": person.codes[1]}
    assert post(STEP, old).status == 401
    assert post(STEP, old | {"recovery_code": new[0]}).status == 200


# Turning it off


@pytest.mark.parametrize("by", ["code", "recovery_code"])
def test_it_is_turned_off_by_itself(
    by: str, person: Person, post: Ask, me: Ask, postman: Postman, events_of: EventsOf
) -> None:
    other = post(STEP, {"challenge": begin(post, person), "code": person.code()}).json
    waiting = begin(post, person)
    given = {by: person.code() if by == "code" else person.codes[3]}
    assert me(person.token, "DELETE", TOTP, given).status == 204
    assert post(STEP, {"challenge": waiting, "code": person.app.now()}).status == 401
    signed_in = post(IN, {"email": person.email, "password": PASSWORD})
    assert "access_token" in signed_in.json
    refreshed = post("/api/v1/auth/refresh", {"refresh_token": other["refresh_token"]})
    assert refreshed.status == 401
    assert postman.mails(person.email)[-1].subject == "Your second factor is off"
    changes = [e["payload"].get("change") for e in events_of(person.caller)]
    assert "removed" in changes
    seen = me(person.token, "GET", "/api/v1/me", None).json
    assert (seen["second_factor"], seen["recovery_codes_left"]) == (None, 0)
    assert me(person.token, "POST", TOTP, {"password": PASSWORD}).status == 201


@pytest.mark.parametrize(("method", "url"), [("DELETE", TOTP), ("POST", CODES)])
def test_a_session_alone_changes_nothing_and_guesses_little(
    method: str, url: str, person: Person, me: Ask
) -> None:
    wrong = me(person.token, method, url, {"code": person.wrong()})
    assert (wrong.status, wrong.json["code"]) == (422, "wrong_code")
    used = person.code()
    assert me(person.token, "POST", CODES, {"code": used}).status == 200
    assert me(person.token, method, url, {"code": used}).status == 422
    recovery = {"recovery_code": "ABCD-EFGH-IJKL-MNOP"}
    answer = me(person.token, method, url, recovery)
    assert answer.json["errors"][0]["pointer"] == "/recovery_code"
    allowed = ALLOWED["factor"].pair.quota
    statuses = [me(person.token, method, url, recovery).status for _ in range(allowed)]
    assert statuses[-1] == 429


def test_what_the_password_opens_while_a_factor_is_turned_on_is_not_left_over(
    call: Call, sign_up: SignUp, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account is read, then the factor is confirmed, then the session would be opened."""
    token = sign_up()
    choose = sessions.choose

    def meanwhile(*given: Any, **named: Any) -> Any:
        database.admin(
            "insert into totp_factors (user_id, sealed, confirmed_at) values (%(u)s, 'x', now())",
            u=token["user_id"],
        )
        return choose(*given, **named)

    monkeypatch.setattr(sessions, "choose", meanwhile)
    given = {"email": token["email"], "password": PASSWORD}
    answer = call(handler, "POST", IN, given, anonymous=True, role="crm_auth")
    assert (answer.status, answer.json["code"]) == (401, "wrong_credentials")
    opened = database.admin("select 1 from sessions where user_id = %(u)s", u=token["user_id"])
    assert len(opened) == 1, "the first"
