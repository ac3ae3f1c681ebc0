"""A person's sessions: listed, ended, one or all, here or everywhere, and deleted in the end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import jwt
import psycopg
import pytest

from functions.auth.api import handler
from functions.auth.commands.people import tell_everywhere
from functions.auth.jobs.sessions import handler as _jobs
from functions.auth.tests.conftest import PASSWORD, Asking
from shared.db import system_transaction
from shared.testing import (
    Answer,
    Call,
    Database,
    EventsOf,
    LambdaContext,
    NewWorkspace,
    Workspace,
    read_all,
)

URL = "/api/v1/sessions"
jobs: Callable[..., Any] = _jobs
SignUp = Callable[..., dict[str, Any]]


@dataclass(frozen=True)
class Person:
    """Somebody, signed in several times."""

    email: str
    tokens: list[dict[str, Any]]

    @property
    def user_id(self) -> UUID:
        return UUID(self.tokens[0]["user_id"])

    def sid(self, number: int) -> UUID:
        token = self.tokens[number]["access_token"]
        return UUID(jwt.decode(token, options={"verify_signature": False})["sid"])

    def caller(self, number: int) -> Workspace:
        token = self.tokens[number]
        return Workspace(UUID(token["workspace_id"]), self.user_id, self.sid(number))


@pytest.fixture
def person(call: Call, sign_up: SignUp, asking: Asking) -> Person:
    """Signed up, and signed in twice more: by a phone, and by something that says nothing."""
    first = sign_up()
    tokens = [first]
    for address, agent in (("2001:db8::7", "Phone"), ("", "")):
        answer = call(
            asking(address=address, agent=agent),
            "POST",
            "/api/v1/auth/sign-in",
            {"email": first["email"], "password": PASSWORD},
            anonymous=True,
            role="crm_auth",
        )
        tokens.append(answer.json)
    return Person(first["email"], tokens)


@pytest.fixture
def ask(call: Call, person: Person) -> Callable[..., Answer]:
    """A request by the person's first session."""

    def request(method: str, url: str = URL, by: int = 0) -> Answer:
        return call(handler, method, url, workspace=person.caller(by), role="crm_auth")

    return request


Ask = Callable[..., Answer]


def _refreshes(call: Call, token: dict[str, Any]) -> bool:
    body = {"refresh_token": token["refresh_token"]}
    url = "/api/v1/auth/refresh"
    return call(handler, "POST", url, body, anonymous=True, role="crm_auth").status == 200


def _reasons(events: list[dict[str, Any]]) -> list[str]:
    return [one["payload"]["reason"] for one in events if one["type"] == "SessionRevoked"]


def test_they_are_listed_newest_first_with_where_they_were_used(ask: Ask, person: Person) -> None:
    listed = ask("GET", by=1).json["items"]
    assert [one["id"] for one in listed] == [str(person.sid(n)) for n in (2, 1, 0)]
    assert [(one["address"], one["user_agent"]) for one in listed] == [
        (None, None),
        ("2001:db8::7", "Phone"),
        ("127.0.0.1", "pytest"),
    ]
    assert [one["current"] for one in listed] == [False, True, False]
    assert {one["method"] for one in listed} == {"password"}
    assert set(listed[0]) == {
        *("id", "method", "created_at", "last_used_at", "expires_at"),
        *("address", "user_agent", "current"),
    }


def test_refreshing_leaves_only_the_last_place(
    call: Call, ask: Ask, person: Person, asking: Asking, database: Database
) -> None:
    call(
        asking(address="192.0.2.9", agent="Laptop"),
        "POST",
        "/api/v1/auth/refresh",
        {"refresh_token": person.tokens[1]["refresh_token"]},
        anonymous=True,
        role="crm_auth",
    )
    [_, used, _] = ask("GET").json["items"]
    assert (used["address"], used["user_agent"]) == ("192.0.2.9", "Laptop")
    assert used["last_used_at"] > used["created_at"]
    [row] = database.admin("select * from sessions where id = %(id)s", id=person.sid(1))
    assert "2001:db8::7" not in str(row)


def test_pages_hold_every_session_once(call: Call, person: Person) -> None:
    def as_person(*args: Any, **kwargs: Any) -> Answer:
        return call(*args, workspace=person.caller(0), role="crm_auth", **kwargs)

    for limit in (1, 2, 3):
        found = read_all(as_person, handler, f"{URL}?limit={limit}")
        assert [one["id"] for one in found] == [str(person.sid(n)) for n in (2, 1, 0)]


def test_one_is_ended_once(call: Call, ask: Ask, person: Person, events_of: EventsOf) -> None:
    assert ask("DELETE", f"{URL}/{person.sid(1)}").status == 204
    assert not _refreshes(call, person.tokens[1])
    assert [one["id"] for one in ask("GET").json["items"]] == [str(person.sid(n)) for n in (2, 0)]
    assert _reasons(events_of(person.caller(0))) == ["ended"]
    again = ask("DELETE", f"{URL}/{person.sid(1)}")
    assert (again.status, again.json["code"]) == (404, "session_not_found")
    assert _refreshes(call, person.tokens[0])


def test_all_others_are_ended_at_once(
    call: Call, ask: Ask, person: Person, events_of: EventsOf
) -> None:
    assert ask("DELETE", by=2).status == 204
    assert [_refreshes(call, token) for token in person.tokens] == [False, False, True]
    assert _reasons(events_of(person.caller(0))) == ["ended", "ended"]
    assert ask("DELETE", by=2).status == 204


def test_nobody_sees_or_ends_another_s(
    call: Call, ask: Ask, person: Person, sign_up: SignUp, new_workspace: NewWorkspace
) -> None:
    colleague = Workspace(person.caller(0).id, new_workspace().user_id, uuid4())
    stranger = new_workspace()
    elsewhere = Workspace(stranger.id, person.user_id, person.sid(0))
    for caller in (colleague, stranger, elsewhere):
        asked = {"workspace": caller, "role": "crm_auth"}
        assert call(handler, "GET", URL, **asked).json["items"] == []
        answer = call(handler, "DELETE", f"{URL}/{person.sid(1)}", **asked)
        assert (answer.status, answer.json["code"]) == (404, "session_not_found")
        assert call(handler, "DELETE", URL, **asked).status == 204
    assert all(_refreshes(call, token) for token in person.tokens)
    assert ask("DELETE", f"{URL}/nonsense").status == 404


def test_a_key_has_no_sessions(call: Call, person: Person) -> None:
    def by_key(event: dict[str, Any], context: Any) -> Any:
        told = event["requestContext"]["authorizer"]
        del told["session_id"]
        told["key_id"] = str(uuid4())
        return handler(event, context)

    for method, code in (("GET", "no_session"), ("DELETE", "not_for_keys")):
        answer = call(by_key, method, URL, workspace=person.caller(0), role="crm_auth")
        assert (answer.status, answer.json["code"]) == (403, code)


@pytest.fixture
def elsewhere(
    call: Call, person: Person, new_workspace: NewWorkspace, database: Database
) -> tuple[Workspace, dict[str, Any]]:
    """Another workspace the person is signed in to, and the tokens there."""
    place = new_workspace()
    database.admin(
        "insert into memberships (workspace_id, user_id, role) values (%(w)s, %(u)s, 'member')",
        w=place.id,
        u=person.user_id,
    )
    body = {"email": person.email, "password": PASSWORD, "workspace_id": str(place.id)}
    token = call(
        handler, "POST", "/api/v1/auth/sign-in", body, anonymous=True, role="crm_auth"
    ).json
    return place, token


def test_all_are_ended_in_every_workspace_with_what_they_are_ended_for(
    call: Call,
    person: Person,
    elsewhere: tuple[Workspace, dict[str, Any]],
    as_role: Callable[[str], None],
    events_of: EventsOf,
    database: Database,
) -> None:
    place, token = elsewhere
    actor = f"user:{person.user_id}"
    as_role("crm_auth")
    with system_transaction(actor) as tx:
        tx.run("update users set name = 'Changed' where id = %(id)s", id=person.user_id)
        ended = tell_everywhere(
            tx, person.user_id, ending="password_changed", besides=person.sid(0)
        )
    assert sum(len(ids) for ids in ended.values()) == 3
    assert _reasons(events_of(place)) == ["password_changed"]
    assert _reasons(events_of(person.caller(0))) == ["password_changed"] * 2
    assert {one["payload"]["actor"] for one in events_of(place)[-1:]} == {actor}
    assert not _refreshes(call, token)
    assert [_refreshes(call, one) for one in person.tokens] == [True, False, False]
    [row] = database.admin("select name from users where id = %(id)s", id=person.user_id)
    assert row["name"] == "Changed"


def test_or_in_none_where_that_fails(
    call: Call,
    person: Person,
    elsewhere: tuple[Workspace, dict[str, Any]],
    as_role: Callable[[str], None],
    events_of: EventsOf,
) -> None:
    place, token = elsewhere
    as_role("crm_auth")
    with pytest.raises(psycopg.errors.NotNullViolation):
        _end_all_and_fail(person)
    assert _reasons(events_of(place)) == []
    assert all(_refreshes(call, one) for one in (*person.tokens, token))


def _end_all_and_fail(person: Person) -> None:
    with system_transaction("test") as tx:
        tell_everywhere(tx, person.user_id, ending="password_changed")
        tx.run("update users set name = null where id = %(id)s", id=person.user_id)


def test_what_has_long_been_over_is_deleted(
    person: Person, as_role: Callable[[str], None], database: Database
) -> None:
    for number, days in ((1, 31), (2, 29)):
        database.admin(
            """
            update sessions set expires_at = now() - %(days)s * interval '1 day'
            where id = %(id)s
            """,
            days=days,
            id=person.sid(number),
        )
    database.admin(
        """
        insert into throttles (key, used_until) values
            (sha256('old'), now() - interval '2 hours'), (sha256('new'), now())
        """
    )
    as_role("crm_auth")
    jobs({"detail": {"job": "expire-sessions"}}, LambdaContext())
    kept = database.admin("select id from sessions where user_id = %(u)s", u=person.user_id)
    assert {row["id"] for row in kept} == {person.sid(0), person.sid(2)}
    tokens = "select session_id from refresh_tokens where session_id = any(%(ids)s)"
    ids = [person.sid(n) for n in range(3)]
    assert {row["session_id"] for row in database.admin(tokens, ids=ids)} == {ids[0], ids[2]}
    left = """
        select key = sha256('new') as new from throttles
        where key in (sha256('old'), sha256('new'))
    """
    assert database.admin(left) == [{"new": True}]
