"""Refresh tokens: each is good once, and one that comes twice ends its session."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import jwt
import psycopg
import pytest

from functions.auth import authorizer
from functions.auth.api import handler
from functions.auth.models.sessions import Client, InvalidRefreshToken, RefreshToken
from functions.auth.tests.conftest import PASSWORD, Asking, Keys
from shared.testing import (
    Answer,
    Call,
    Database,
    EventsOf,
    LambdaContext,
    NewWorkspace,
    Workspace,
)
from shared.tests.attempts import crowd

REFRESH, OUT = "/api/v1/auth/refresh", "/api/v1/auth/sign-out"
SignUp = Callable[..., dict[str, Any]]


@pytest.fixture
def refresh(call: Call, asking: Asking) -> Callable[..., Answer]:
    def ask(token: str, *, agent: str = "pytest", **body: Any) -> Answer:
        body = {"refresh_token": token, **body}
        return call(asking(agent=agent), "POST", REFRESH, body, anonymous=True, role="crm_auth")

    return ask


Refresh = Callable[..., Answer]


def _sid(token: dict[str, Any]) -> str:
    return jwt.decode(token["access_token"], options={"verify_signature": False})["sid"]


def _place(token: dict[str, Any]) -> Workspace:
    return Workspace(UUID(token["workspace_id"]), UUID(token["user_id"]))


def _types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def _gets_in(token: dict[str, Any]) -> bool:
    header = {"Authorization": [f"Bearer {token['access_token']}"]}
    asked = {"methodArn": "arn:aws:execute-api:r:1:a/s/GET/x", "multiValueHeaders": header}
    try:
        ask: Callable[..., Any] = authorizer.handler
        return bool(ask({"headers": None, **asked}, LambdaContext()))
    except authorizer.Refused:
        return False


def _is_invalid(answer: Answer) -> bool:
    return (answer.status, answer.json["code"]) == (401, "invalid_refresh_token")


def test_each_use_gives_the_next_tokens_of_the_same_session(
    sign_up: SignUp, refresh: Refresh, database: Database, events_of: EventsOf
) -> None:
    first = sign_up()
    seen = {first["refresh_token"]}
    token = first
    for _ in range(3):
        answer = refresh(token["refresh_token"])
        assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
        token = answer.json
        same = ("workspace_id", "user_id", "role", "memberships", "expires_in")
        assert [token[name] for name in same] == [first[name] for name in same]
        assert (_sid(token), token["expires_in"]) == (_sid(first), 900)
        assert abs(token["refresh_expires_in"] - 30 * 24 * 3600) < 5
        seen.add(token["refresh_token"])
        assert _gets_in(token)
    assert len(seen) == 4
    assert _types(events_of(_place(first))) == ["WorkspaceCreated", "SessionOpened"]
    stored = json.dumps(database.admin("select * from refresh_tokens"), default=str)
    stored += json.dumps(database.admin("select * from sessions"), default=str)
    assert not any(text.split(".")[2] in stored for text in seen), "hashes only"


def test_one_that_comes_again_ends_the_session(
    sign_up: SignUp, refresh: Refresh, database: Database, events_of: EventsOf
) -> None:
    first = sign_up()
    second = refresh(first["refresh_token"]).json
    third = refresh(second["refresh_token"]).json
    assert _gets_in(third)
    assert _is_invalid(refresh(first["refresh_token"]))
    assert _is_invalid(refresh(third["refresh_token"]))
    authorizer._sessions.clear()  # pyright: ignore[reportPrivateUsage] -- another authorizer
    assert not _gets_in(third)
    *_, revoked = events_of(_place(first))
    said = revoked["payload"]
    assert (revoked["type"], said["reason"]) == ("SessionRevoked", "reused")
    assert (said["aggregate_id"], said["aggregate_version"]) == (_sid(first), 2)
    assert said["actor"] == f"user:{first['user_id']}"
    [row] = database.admin("select * from sessions where id = %(id)s", id=_sid(first))
    assert row["revoked_at"] == row["expires_at"]
    assert row["revoked_reason"] == "reused"
    before = events_of(_place(first))
    assert _is_invalid(refresh(first["refresh_token"]))
    assert events_of(_place(first)) == before, "it ends once"


def test_the_last_one_again_by_the_same_client_is_told_to_go_on(
    sign_up: SignUp, refresh: Refresh, events_of: EventsOf
) -> None:
    first = sign_up()
    second = refresh(first["refresh_token"]).json
    raced = refresh(first["refresh_token"])
    assert (raced.status, raced.json["code"]) == (409, "already_refreshed")
    assert raced.headers["retry-after"] == "1"
    assert "token" not in set(raced.json)
    assert refresh(second["refresh_token"]).status == 200
    assert "SessionRevoked" not in _types(events_of(_place(first)))


@pytest.mark.parametrize(("ago", "agent"), [("11 seconds", "pytest"), ("0", "somebody"), ("0", "")])
def test_later_or_by_another_client_it_ends_the_session(
    sign_up: SignUp, refresh: Refresh, database: Database, ago: str, agent: str
) -> None:
    first = sign_up()
    second = refresh(first["refresh_token"]).json
    for statement in (
        "update sessions set last_used_at = last_used_at - %(ago)s::interval where id = %(id)s",
        """
        update refresh_tokens set used_at = used_at - %(ago)s::interval
        where session_id = %(id)s
        """,
    ):
        database.admin(statement, ago=ago, id=_sid(first))
    assert _is_invalid(refresh(first["refresh_token"], agent=agent))
    assert _is_invalid(refresh(second["refresh_token"]))


def test_of_many_at_once_one_gets_a_token_and_the_session_goes_on(
    call: Call, sign_up: SignUp, refresh: Refresh, events_of: EventsOf
) -> None:
    token = first = sign_up()
    with crowd(5) as everybody:
        for _ in range(4):
            answers = everybody.at_once(
                call,
                "functions.auth.api.handler",
                "POST",
                REFRESH,
                {"refresh_token": token["refresh_token"]},
                anonymous=True,
                role="crm_auth",
            )
            assert sorted(one.status for one in answers) == [200, 409, 409, 409, 409]
            [token] = [one.json for one in answers if one.status == 200]
    assert refresh(token["refresh_token"]).status == 200
    assert "SessionRevoked" not in _types(events_of(_place(first)))


def test_what_is_no_token_of_ours_is_refused_alike(
    sign_up: SignUp, refresh: Refresh, workspace: Workspace
) -> None:
    token = sign_up()["refresh_token"]
    prefix, place, secret = token.split(".")
    forged = [
        str(RefreshToken.new(UUID(place)).text),
        f"{prefix}.{workspace.id.hex}.{secret}",
        f"{prefix}.{uuid4().hex}.{secret}",
        f"{prefix}.{place}.{secret[:-1]}",
        f"{prefix}.{place}.{secret}=",
        f"{prefix}.{place}.{'é' * 43}",
        f"{prefix}.{place}.{secret[:-1]}\0",
        f"{prefix}.{place}{secret}",
        f"api.{place}.{secret}",
        "hrt..",
        "",
        "\ud800",
    ]
    answers = [refresh(text) for text in forged]
    assert all(_is_invalid(answer) for answer in answers), [one.json for one in answers]
    assert len({answer.json["detail"] for answer in answers}) == 1
    assert refresh(token).status == 200, "and no harm was done to it"


def test_an_access_token_is_no_refresh_token(sign_up: SignUp, refresh: Refresh) -> None:
    token = sign_up()
    answer = refresh(token["access_token"])
    assert answer.status in (401, 422)


@pytest.mark.parametrize(
    "over",
    [
        "update sessions set expires_at = now() where id = %(id)s",
        "update sessions set signed_in_at = now() - interval '90 days' where id = %(id)s",
        "update sessions set revoked_at = now(), expires_at = now() where id = %(id)s",
        "update memberships set ended_at = now() where user_id = %(user)s",
    ],
    ids=["idle", "longest", "revoked", "no member"],
)
def test_a_session_that_is_over_is_not_refreshed(
    sign_up: SignUp, refresh: Refresh, database: Database, over: Any
) -> None:
    token = sign_up()
    database.admin(over, id=_sid(token), user=token["user_id"])
    assert _is_invalid(refresh(token["refresh_token"]))


def test_it_slides_but_never_beyond_its_longest_life(
    sign_up: SignUp,
    refresh: Refresh,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HASTE_SESSION_IDLE_SECONDS", "1000")
    monkeypatch.setenv("HASTE_SESSION_LONGEST_SECONDS", "1500")
    token = sign_up()
    assert abs(token["refresh_expires_in"] - 1000) < 5
    database.admin(
        "update sessions set signed_in_at = now() - interval '900 s' where id = %(id)s",
        id=_sid(token),
    )
    assert abs(refresh(token["refresh_token"]).json["refresh_expires_in"] - 600) < 5


def test_the_next_token_has_the_role_of_now(
    sign_up: SignUp, refresh: Refresh, database: Database
) -> None:
    token = sign_up()
    database.admin(
        "update memberships set role = 'viewer' where user_id = %(id)s", id=token["user_id"]
    )
    assert refresh(token["refresh_token"]).json["role"] == "viewer"


@pytest.fixture
def second(
    sign_up: SignUp, new_workspace: NewWorkspace, database: Database
) -> tuple[dict[str, Any], Workspace]:
    """Somebody signed in to the first of their two workspaces, and the second."""
    token, place = sign_up(), new_workspace()
    database.admin(
        "insert into memberships (workspace_id, user_id, role) values (%(w)s, %(u)s, 'viewer')",
        w=place.id,
        u=token["user_id"],
    )
    return token, place


def test_a_session_goes_on_in_another_workspace_by_the_same_sign_in(
    refresh: Refresh,
    second: tuple[dict[str, Any], Workspace],
    events_of: EventsOf,
    database: Database,
) -> None:
    token, place = second
    answer = refresh(token["refresh_token"], workspace_id=str(place.id))
    assert answer.status == 200
    moved = answer.json
    assert (moved["workspace_id"], moved["role"]) == (str(place.id), "viewer")
    assert len(moved["memberships"]) == 2
    assert _gets_in(moved)
    assert not _gets_in(token)
    assert events_of(_place(token))[-1]["payload"]["reason"] == "switched"
    assert _types(events_of(place)) == ["SessionOpened"]
    rows = database.admin(
        "select signed_in_at, method from sessions where user_id = %(u)s", u=token["user_id"]
    )
    assert len(rows) == 2
    assert rows[0] == rows[1], "the sign-in's age and kind go along"
    raced = refresh(token["refresh_token"])
    assert (raced.status, raced.json["code"]) == (409, "already_refreshed")
    back = refresh(moved["refresh_token"], workspace_id=token["workspace_id"]).json
    assert back["workspace_id"] == token["workspace_id"]


def test_who_ends_all_sessions_meets_one_that_moves(
    refresh: Refresh, second: tuple[dict[str, Any], Workspace], database: Database
) -> None:
    """It waits for a password that is being changed, and finds itself ended with the others."""
    token, place = second
    waiting = """
        select 1 from pg_stat_activity
        where wait_event_type = 'Lock' and query like '%%for share of u%%'
    """
    with (
        ThreadPoolExecutor(1) as thread,
        psycopg.connect(database.url("crm_auth"), autocommit=True) as other,
    ):
        other.execute("begin")
        other.execute("select app.begin_request(%s, null)", [token["workspace_id"]])
        other.execute("update users set name = 'Changed' where id = %s", [token["user_id"]])
        moved = thread.submit(refresh, token["refresh_token"], workspace_id=str(place.id))
        while not moved.done() and not database.admin(waiting):
            time.sleep(0.01)
        other.execute(
            "update sessions set revoked_at = now(), expires_at = now() where user_id = %s",
            [token["user_id"]],
        )
        other.execute("commit")
        assert _is_invalid(moved.result(timeout=30))
    rows = database.admin("select 1 from sessions where workspace_id = %(w)s", w=place.id)
    assert rows == []


def test_no_session_goes_where_its_person_is_no_member(
    sign_up: SignUp, refresh: Refresh, workspace: Workspace
) -> None:
    token = sign_up()
    for stranger in (workspace.id, uuid4()):
        answer = refresh(token["refresh_token"], workspace_id=str(stranger))
        assert (answer.status, answer.json["code"]) == (403, "not_a_member")
    assert refresh(token["refresh_token"]).status == 200, "nothing was used up"


def _sign_out(call: Call, body: Any = None, **headers: str) -> Answer:
    body = {} if body is None else body
    return call(handler, "POST", OUT, body, headers=headers, anonymous=True, role="crm_auth")


def test_signing_out_by_any_refresh_token_ends_the_session(
    call: Call, sign_up: SignUp, refresh: Refresh, events_of: EventsOf
) -> None:
    token = sign_up()
    following = refresh(token["refresh_token"]).json
    assert _sign_out(call, {"refresh_token": token["refresh_token"]}).status == 204
    assert _is_invalid(refresh(following["refresh_token"]))
    assert not _gets_in(following)
    assert events_of(_place(token))[-1]["payload"]["reason"] == "signed_out"
    count = len(events_of(_place(token)))
    for text in (token["refresh_token"], following["refresh_token"], "nonsense"):
        assert _sign_out(call, {"refresh_token": text}).status == 204
    assert len(events_of(_place(token))) == count


def test_signing_out_by_the_bearer_token(call: Call, sign_up: SignUp, refresh: Refresh) -> None:
    token = sign_up()
    answer = _sign_out(call, Authorization=f"Bearer {token['access_token']}")
    assert answer.status == 204
    assert _is_invalid(refresh(token["refresh_token"]))
    for wrong in (f"Bearer {token['access_token']}x", "Bearer", "Basic YTpi", ""):
        assert _sign_out(call, Authorization=wrong).status == 401
    assert _sign_out(call).status == 401


def test_nobody_is_signed_out_by_guessing(sign_up: SignUp, call: Call, refresh: Refresh) -> None:
    token = sign_up()
    guess = RefreshToken.new(UUID(token["workspace_id"])).text
    assert _sign_out(call, {"refresh_token": guess}).status == 204
    assert refresh(token["refresh_token"]).status == 200


def test_the_client_is_what_api_gateway_saw() -> None:
    assert Client.seen("2001:DB8::1", "a\0b" + "x" * 400) == Client(
        address="2001:db8::1", user_agent="ab" + "x" * 298
    )
    assert Client.seen("test-invoke-source-ip", "\ud800") == Client(user_agent="?")
    assert Client.seen(None, "") == Client()


def test_a_token_reads_as_it_was_written_and_keeps_its_secret() -> None:
    token = RefreshToken.new(uuid4())
    assert RefreshToken.read(token.text) == token
    assert token.text.split(".")[2] not in repr(token)
    with pytest.raises(InvalidRefreshToken):
        RefreshToken.read(token.text.upper())


def test_nothing_of_a_token_is_logged(
    sign_up: SignUp, refresh: Refresh, keys: Keys, caplog: pytest.LogCaptureFixture
) -> None:
    token = sign_up()
    refresh(token["refresh_token"])
    again = refresh(token["refresh_token"], agent="somebody")
    printed = " ".join(str(vars(record)) for record in caplog.records)
    assert "came twice" in printed
    assert again.status == 401
    assert token["refresh_token"].split(".")[2] not in printed
    assert PASSWORD not in printed
