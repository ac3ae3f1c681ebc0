"""Resetting and changing passwords, through the real handlers, queue and mail server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, LiteralString
from uuid import UUID, uuid4

import jwt
import psycopg
import pytest

from functions.auth.api import handler
from functions.auth.commands.passwords import reset_password
from functions.auth.models.mails import InvalidLink
from functions.auth.models.passwords import ResetPassword
from functions.auth.passwords import NOBODY, hash_password, is_password
from functions.auth.tests.conftest import PASSWORD
from functions.auth.tests.postman import Postman
from functions.auth.throttle import ALLOWED
from shared.db import connection
from shared.testing import Answer, Call, Database, EventsOf, NewWorkspace, Workspace

AUTH = "/api/v1/auth"
ASK, RESET = f"{AUTH}/reset-password/request", f"{AUTH}/reset-password"
ME = "/api/v1/me/password"
VERIFY = f"{AUTH}/verify-email/request"
NEW = "another horse entirely"
SignUp = Callable[..., dict[str, Any]]
Post = Callable[..., Answer]


@pytest.fixture
def post(call: Call, postman: Postman) -> Post:
    """A public request."""

    def send(url: str, body: Any) -> Answer:
        return call(handler, "POST", url, body, anonymous=True, role="crm_auth")

    return send


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that is sent to Postgres from here on, as it is written."""
    sent: list[str] = []
    connect = connection.connect

    class Recorder(psycopg.Cursor[Any]):
        def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
            sent.append(str(query))
            return super().execute(query, params, **options)

    def recording(url: str, **options: Any) -> Any:
        return connect(url, **options, cursor_factory=Recorder)

    monkeypatch.setattr(connection, "connect", recording)
    return sent


def caller_of(token: dict[str, Any]) -> Workspace:
    """Whoever has that token."""
    claims = jwt.decode(token["access_token"], options={"verify_signature": False})
    return Workspace(UUID(claims["ws"]), UUID(claims["sub"]), UUID(claims["sid"]))


def sign_in(post: Post, email: str, password: str = PASSWORD, **more: Any) -> Answer:
    return post(f"{AUTH}/sign-in", {"email": email, "password": password, **more})


def refreshes(post: Post, token: dict[str, Any]) -> bool:
    body = {"refresh_token": token["refresh_token"]}
    return post(f"{AUTH}/refresh", body).status == 200


def link_for(post: Post, postman: Postman, email: str) -> str:
    assert post(ASK, {"email": email}).status == 202
    return postman.token(email)


def alike(answer: Answer) -> tuple[int, bytes, dict[str, str]]:
    """What an answer says, but for the request's own id."""
    own = {"x-request-id", "date"}
    return answer.status, answer.body, {n: v for n, v in answer.headers.items() if n not in own}


# Asking for a link


@pytest.mark.parametrize("url", [ASK, VERIFY])
def test_asking_is_answered_alike_and_costs_alike_whether_or_not_there_is_an_account(
    url: str,
    post: Post,
    postman: Postman,
    sign_up: SignUp,
    statements: list[str],
    verified: list[str],
) -> None:
    known, unknown = sign_up()["email"], f"{uuid4()}@example.com"
    postman.deliver()
    seen: list[Any] = []
    for email in (known, unknown):
        post(f"{AUTH}/sign-out", {"refresh_token": "x"})  # opens the connection
        statements.clear()
        verified.clear()
        answer = post(url, {"email": email})
        queued = postman.queue.take()
        seen.append((alike(answer), list(statements), list(verified), len(queued)))
        assert email not in answer.body.decode()
        postman.deliver(*queued)
    assert seen[0] == seen[1]
    (status, _, _), sent, hashes, queued_messages = seen[0]
    assert (status, hashes, queued_messages) == (202, [NOBODY], 1)
    assert len([one for one in sent if "insert into account_mails" in one]) == 1
    assert postman.mails(unknown) == []
    assert len(postman.mails(known)) == 2


def test_signing_in_wrongly_costs_alike_for_every_kind_of_account_and_for_none(
    post: Post,
    postman: Postman,
    sign_up: SignUp,
    statements: list[str],
    verified: list[str],
    database: Database,
) -> None:
    plain, guarded = sign_up(), sign_up()
    database.admin(
        "insert into totp_factors (user_id, sealed, confirmed_at) values (%(id)s, 'x', now())",
        id=guarded["user_id"],
    )
    seen: list[Any] = []
    for email in (plain["email"], guarded["email"], f"{uuid4()}@example.com"):
        post(f"{AUTH}/sign-out", {"refresh_token": "x"})  # opens the connection
        statements.clear()
        verified.clear()
        answer = sign_in(post, email, "something else")
        said = answer.json | {"request_id": ""}
        seen.append((answer.status, said, set(answer.headers), list(statements), len(verified)))
    assert seen[0] == seen[1] == seen[2]
    assert (seen[0][0], seen[0][-1]) == (401, 1)


def test_nothing_that_is_written_or_queued_holds_the_token(
    post: Post, postman: Postman, sign_up: SignUp, database: Database, capsys: Any
) -> None:
    email = sign_up()["email"]
    token = link_for(post, postman, email)
    queries: tuple[LiteralString, ...] = (
        "select to_jsonb(t)::text as row from account_mails t",
        "select to_jsonb(t)::text as row from mailed_links t",
        "select to_jsonb(t)::text as row from event_log t",
    )
    for query in queries:
        assert not any(token in row["row"] for row in database.admin(query))
    said = capsys.readouterr()
    assert token not in said.out + said.err


def test_more_mails_than_allowed_are_not_sent_to_anybody(
    post: Post, postman: Postman, sign_up: SignUp
) -> None:
    allowed = ALLOWED["reset"].pair.quota
    known, unknown = sign_up()["email"], f"{uuid4()}@example.com"
    for email in (known, unknown):
        answers = [post(ASK, {"email": email}) for _ in range(allowed + 1)]
        assert [one.status for one in answers] == [202] * allowed + [429]
        assert answers[-1].json["code"] == "throttled"
    assert len(postman.mails(known)) == 1 + allowed


# Using it


def test_the_link_sets_the_password_ends_every_session_and_is_told(
    post: Post,
    postman: Postman,
    sign_up: SignUp,
    new_workspace: NewWorkspace,
    database: Database,
    events_of: EventsOf,
) -> None:
    first, elsewhere = sign_up(), new_workspace()
    database.admin(
        "insert into memberships (workspace_id, user_id, role) values (%(w)s, %(u)s, 'member')",
        w=elsewhere.id,
        u=first["user_id"],
    )
    second = sign_in(post, first["email"], workspace_id=str(elsewhere.id)).json
    database.admin(
        """
        insert into api_keys (workspace_id, id, user_id, name, hash, grants)
        values (%(w)s, gen_random_uuid(), %(u)s, 'Theirs', sha256('x'), '{emails.read}')
        """,
        w=elsewhere.id,
        u=first["user_id"],
    )
    token = link_for(post, postman, first["email"])
    assert post(RESET, {"token": token, "password": NEW}).status == 204
    assert not refreshes(post, first)
    assert not refreshes(post, second)
    assert sign_in(post, first["email"]).status == 401
    assert sign_in(post, first["email"], NEW).status == 200
    for place in (caller_of(first), elsewhere):
        events = {one["type"]: one["payload"] for one in events_of(place)}
        assert events["SessionRevoked"]["reason"] == "password_reset"
        assert events["PasswordChanged"]["by"] == "link"
        assert events["PasswordChanged"]["aggregate_id"] == first["user_id"]
        assert events["PasswordChanged"]["actor"] == f"user:{first['user_id']}"
        assert events["EmailVerified"]["aggregate_version"] == 3
        assert events["EmailVerified"]["by"] == "password_reset"
    assert events["ApiKeyRevoked"]["name"] == "Theirs", "whoever was in may have made it"
    kept = "select 1 from api_keys where user_id = %(u)s and revoked_at is null"
    assert database.admin(kept, u=first["user_id"]) == []
    last = postman.mails(first["email"])[-1]
    assert last.subject == "Your password was reset"
    assert "token" not in last.text


def test_a_link_is_good_once_and_takes_all_others_along(
    post: Post, postman: Postman, sign_up: SignUp
) -> None:
    email = sign_up()["email"]
    older, newer = (link_for(post, postman, email) for _ in range(2))
    assert post(RESET, {"token": older, "password": NEW}).status == 204
    for token in (older, newer):
        answer = post(RESET, {"token": token, "password": PASSWORD})
        assert (answer.status, answer.json["code"]) == (400, "invalid_link")
    assert sign_in(post, email, NEW).status == 200


def test_a_link_is_good_for_its_purpose_its_time_and_its_address(
    post: Post, postman: Postman, sign_up: SignUp, database: Database, verified: list[str]
) -> None:
    email = sign_up()["email"]
    other = postman.token(email)
    late, moved = (link_for(post, postman, email) for _ in range(2))
    database.admin(
        """
        update mailed_links set expires_at = now() where hash = sha256(convert_to(%(t)s, 'UTF8'))
        """,
        t=late,
    )
    database.admin(
        """
        update mailed_links set email = 'old@example.com'
        where hash = sha256(convert_to(%(t)s, 'UTF8'))
        """,
        t=moved,
    )
    forged = moved[:-1] + ("A" if moved[-1] != "A" else "B")
    for token in (other, late, moved, forged, "", "\ud800", "x" * 200):
        answer = post(RESET, {"token": token, "password": NEW})
        assert (answer.status, answer.json["code"]) == (400, "invalid_link"), token
    assert post(RESET, {"token": "x" * 201, "password": NEW}).status == 422
    assert post(RESET, {"token": late, "password": "short"}).json["code"] == "unprocessable"
    assert sign_in(post, email).status == 200


def test_links_live_for_half_an_hour_and_for_a_day(
    post: Post, postman: Postman, sign_up: SignUp, database: Database
) -> None:
    made = sign_up()
    link_for(post, postman, made["email"])
    rows = database.admin(
        """
        select purpose, extract(epoch from expires_at - created_at)::int as seconds
        from mailed_links where user_id = %(id)s order by purpose
        """,
        id=made["user_id"],
    )
    assert {row["purpose"]: row["seconds"] for row in rows} == {
        "reset_password": 1800,
        "verify_email": 86_400,
    }


def test_a_forged_link_makes_us_hash_nothing(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_: Any) -> str:
        raise AssertionError

    monkeypatch.setattr("functions.auth.commands.passwords.hash_password", never)
    assert post(RESET, {"token": "forged", "password": NEW}).status == 400


def test_of_two_at_once_one_resets(
    post: Post, postman: Postman, sign_up: SignUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second comes while the first one's hash is made."""
    email = sign_up()["email"]
    given = ResetPassword.model_validate({"token": link_for(post, postman, email), "password": NEW})
    waiting = [given]

    def meanwhile(password: Any) -> str:
        if waiting:
            reset_password(waiting.pop())
        return hash_password(password)

    monkeypatch.setattr("functions.auth.commands.passwords.hash_password", meanwhile)
    with pytest.raises(InvalidLink):
        reset_password(given)
    assert sign_in(post, email, NEW).status == 200


def test_what_was_opened_by_the_old_password_meanwhile_is_not_left_over(
    post: Post, postman: Postman, sign_up: SignUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The password is found right, then it is reset, then the session would be opened."""
    email = sign_up()["email"]
    link = {"token": link_for(post, postman, email), "password": NEW}

    def meanwhile(*given: Any) -> bool:
        assert is_password(*given)
        reset_password(ResetPassword.model_validate(link))
        return True

    monkeypatch.setattr("functions.auth.commands.accounts.is_password", meanwhile)
    answer = sign_in(post, email)
    assert (answer.status, answer.json["code"]) == (401, "wrong_credentials")


def test_a_second_factor_stays_on_and_a_sign_in_between_factors_is_over(
    post: Post, postman: Postman, sign_up: SignUp, database: Database
) -> None:
    made = sign_up()
    database.admin(
        "insert into totp_factors (user_id, sealed, confirmed_at) values (%(id)s, 'x', now())",
        id=made["user_id"],
    )
    begun = sign_in(post, made["email"]).json["challenge"]
    link = link_for(post, postman, made["email"])
    assert post(RESET, {"token": link, "password": NEW}).status == 204
    answer = post(f"{AUTH}/second-factor", {"challenge": begun, "code": "123456"})
    assert (answer.status, answer.json["code"]) == (401, "invalid_challenge")
    assert sign_in(post, made["email"], NEW).json["second_factor"] == "totp"


# Changing it


@pytest.fixture
def change(call: Call) -> Callable[..., Answer]:
    """Change a password, by the session of a token."""

    def send(token: dict[str, Any], current: str, new: str = NEW) -> Answer:
        body = {"current": current, "new": new}
        return call(handler, "POST", ME, body, workspace=caller_of(token), role="crm_auth")

    return send


Change = Callable[..., Answer]


def test_changing_it_leaves_the_session_that_asks_and_no_other(
    post: Post, postman: Postman, sign_up: SignUp, change: Change, events_of: EventsOf
) -> None:
    first = sign_up()
    email = first["email"]
    second = sign_in(post, email).json
    link = link_for(post, postman, email)
    begun = len(events_of(caller_of(first)))
    assert change(first, PASSWORD).status == 204
    assert refreshes(post, first)
    assert not refreshes(post, second)
    assert sign_in(post, email).status == 401
    assert sign_in(post, email, NEW).status == 200
    news = events_of(caller_of(first))[begun:][:2]
    assert [one["type"] for one in news] == ["PasswordChanged", "SessionRevoked"]
    assert news[0]["payload"]["by"] == "password"
    assert news[1]["payload"]["reason"] == "password_changed"
    assert postman.mails(email)[-1].subject == "Your password was changed"
    assert post(RESET, {"token": link, "password": PASSWORD}).status == 400


def test_a_wrong_current_password_changes_nothing_and_is_counted(
    post: Post, sign_up: SignUp, change: Change, postman: Postman
) -> None:
    made = sign_up()
    wrong = change(made, "wrong")
    assert (wrong.status, wrong.json["code"]) == (422, "wrong_password")
    assert wrong.json["errors"][0]["pointer"] == "/current"
    allowed = ALLOWED["sign-in"].pair.quota
    answers = [change(made, "wrong").status for _ in range(allowed)]
    assert answers == [422] * (allowed - 1) + [429]
    assert refreshes(post, made)
    assert [one.subject for one in postman.mails(made["email"])] == ["Confirm your e-mail address"]


def test_a_password_that_changed_meanwhile_is_wrong(
    post: Post, sign_up: SignUp, change: Change, monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    made = sign_up()

    def meanwhile(password: Any) -> str:
        database.admin("update users set password_hash = 'x' where id = %(i)s", i=made["user_id"])
        return hash_password(password)

    monkeypatch.setattr("functions.auth.commands.passwords.hash_password", meanwhile)
    assert change(made, PASSWORD).json["code"] == "wrong_password"


def test_no_key_changes_a_password(call: Call, sign_up: SignUp) -> None:
    """A request that no session made, as API keys are."""
    place = caller_of(sign_up())

    def by_key(event: Any, context: Any) -> Any:
        del event["requestContext"]["authorizer"]["session_id"]
        event["requestContext"]["authorizer"]["key_id"] = str(uuid4())
        return handler(event, context)

    answer = call(
        by_key, "POST", ME, {"current": PASSWORD, "new": NEW}, workspace=place, role="crm_auth"
    )
    assert answer.status == 403
