"""Erasing one's account: who may, what goes, what stays, and where it may be interrupted."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest

from functions.auth.api import handler
from functions.auth.commands import erasure
from functions.auth.jobs.erasures import handler as _job
from functions.auth.keys_api import handler as keys_api
from functions.auth.tests.conftest import PASSWORD, Asking
from functions.auth.tests.test_factors import Person, me, newcomer, person
from functions.workspaces.api import handler as workspaces
from shared import db
from shared.ids import uuid7
from shared.testing import Answer, Call, Database, EventsOf, LambdaContext, NewMember, Workspace

__all__ = ["me", "newcomer", "person"]

SignUp = Callable[..., dict[str, Any]]
ME = "/api/v1/me"
job: Callable[..., Any] = _job


def caller_of(token: dict[str, Any], workspace_id: UUID | None = None) -> Workspace:
    claims = jwt.decode(token["access_token"], options={"verify_signature": False})
    place = workspace_id or UUID(token["workspace_id"])
    return Workspace(place, UUID(token["user_id"]), UUID(claims["sid"]))


def erase(call: Call, token: dict[str, Any], body: Any, *, by: Any = handler) -> Answer:
    return call(by, "DELETE", ME, body, workspace=caller_of(token), role="crm_auth")


def user(database: Database, token: dict[str, Any]) -> dict[str, Any]:
    [row] = database.admin("select * from users where id = %(id)s", id=token["user_id"])
    return row


def state(database: Database, token: dict[str, Any]) -> dict[str, Any] | None:
    rows = database.admin(
        "select * from account_erasures where user_id = %(id)s", id=token["user_id"]
    )
    return rows[0] if rows else None


def by_sso(event: dict[str, Any], context: object) -> Any:
    event["requestContext"]["authorizer"]["sso"] = "true"
    answer: Callable[..., Any] = handler
    return answer(event, context)


@pytest.fixture
def token(sign_up: SignUp, new_member: NewMember, asking: Asking) -> dict[str, Any]:
    """Somebody who owns a workspace together with somebody else."""
    token = sign_up(name=f"Ada {uuid4()}")
    new_member(caller_of(token), "owner")
    return token


@pytest.fixture
def guest(token: dict[str, Any], new_workspace: Any, database: Database) -> Workspace:
    """The same person as a member of another workspace."""
    place = new_workspace()
    database.admin(
        "insert into memberships (workspace_id, user_id, role) values (%(w)s, %(u)s, 'member')",
        w=place.id,
        u=token["user_id"],
    )
    return Workspace(place.id, UUID(token["user_id"]))


# Who may


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (None, "not_proven"),
        ({}, "not_proven"),
        ({"password": "another password"}, "wrong_password"),
        ({"password": PASSWORD, "code": "123456"}, "unprocessable"),
        ({"pasword": PASSWORD}, "unprocessable"),
    ],
)
def test_a_session_alone_is_not_enough(
    call: Call, token: dict[str, Any], database: Database, body: Any, code: str
) -> None:
    answer = erase(call, token, body)
    assert (answer.status, answer.json["code"]) == (422, code)
    assert (user(database, token)["erased_at"], state(database, token)) == (None, None)


def test_a_code_is(call: Call, person: Person, new_member: NewMember, database: Database) -> None:
    new_member(caller_of(person.token), "owner")
    wrong = erase(call, person.token, {"code": person.wrong()})
    assert (wrong.status, wrong.json["code"]) == (422, "wrong_code")
    assert erase(call, person.token, {"code": person.code()}).status == 204
    assert user(database, person.token)["erased_at"]
    for table in ("totp_factors", "recovery_codes", "account_mails", "mailed_links"):
        query: Any = f"select 1 from {table} where user_id = %(id)s"  # noqa: S608 -- a literal
        assert database.admin(query, id=person.token["user_id"]) == [], table


def test_so_is_a_recovery_code(call: Call, person: Person, new_member: NewMember) -> None:
    new_member(caller_of(person.token), "owner")
    assert erase(call, person.token, {"recovery_code": person.codes[0]}).status == 204


def test_without_a_factor_no_code_is_good(call: Call, token: dict[str, Any]) -> None:
    answer = erase(call, token, {"code": "123456"})
    assert (answer.status, answer.json["code"]) == (404, "factor_not_found")


def _session(database: Database, token: dict[str, Any], method: str, ago: str) -> None:
    database.admin(
        "update sessions set method = %(m)s, signed_in_at = now() - %(ago)s::interval"
        " where user_id = %(u)s",
        m=method,
        ago=ago,
        u=token["user_id"],
    )


@pytest.mark.parametrize(
    ("method", "ago", "status"),
    [
        ("google", "9 minutes", 204),
        ("google", "11 minutes", 422),
        ("password", "0", 422),
        ("totp", "0", 422),
    ],
)
def test_who_has_no_password_signs_in_again(
    call: Call, token: dict[str, Any], database: Database, method: str, ago: str, status: int
) -> None:
    _session(database, token, method, ago)
    assert erase(call, token, None).status == status


def test_a_workspaces_provider_erases_nobody_from_others(
    call: Call, token: dict[str, Any], guest: Workspace, database: Database
) -> None:
    _session(database, token, "oidc", "0")
    answer = erase(call, token, None, by=by_sso)
    assert (answer.status, answer.json["code"]) == (403, "not_by_sso")
    database.admin(
        "delete from memberships where workspace_id = %(w)s and user_id = %(u)s",
        w=guest.id,
        u=guest.user_id,
    )
    assert erase(call, token, None, by=by_sso).status == 204


def test_a_key_does_not(call: Call, token: dict[str, Any]) -> None:
    def by_key(event: dict[str, Any], context: object) -> Any:
        told = event["requestContext"]["authorizer"]
        told["key_id"] = str(uuid7())
        del told["session_id"]
        answer: Callable[..., Any] = handler
        return answer(event, context)

    assert erase(call, token, {"password": PASSWORD}, by=by_key).status == 403
    exported = call(by_key, "GET", f"{ME}/export", workspace=caller_of(token), role="crm_auth")
    assert exported.status == 403


def test_the_last_owner_is_told_of_what(
    call: Call, sign_up: SignUp, new_member: NewMember, database: Database, events_of: EventsOf
) -> None:
    token = sign_up(workspace_name="Difference Engine")
    here = caller_of(token)
    new_member(here, "admin")
    before = events_of(here)
    answer = erase(call, token, {"password": PASSWORD})
    assert (answer.status, answer.json["code"]) == (409, "last_owner_of_some")
    [error] = answer.json["errors"]
    assert error["detail"] == f"Difference Engine ({here.id})"
    assert user(database, token)["email"] == token["email"]
    assert events_of(here) == before


def test_of_several_all_are_named_and_none_is_left(
    call: Call, token: dict[str, Any], database: Database
) -> None:
    here = caller_of(token)
    names = {"First", "Second"}
    for name in names:
        answer = call(workspaces, "POST", "/api/v1/workspaces", {"name": name}, workspace=here)
        assert answer.status == 201
    answer = erase(call, token, {"password": PASSWORD})
    assert {one["detail"].partition(" (")[0] for one in answer.json["errors"]} == names
    left = "select 1 from memberships where user_id = %(u)s and ended_at is not null"
    assert database.admin(left, u=token["user_id"]) == []


def test_what_is_to_be_deleted_anyway_needs_no_other_owner(
    call: Call, sign_up: SignUp, database: Database
) -> None:
    token = sign_up(workspace_name="Engines")
    here = caller_of(token)
    closed = call(
        workspaces, "DELETE", "/api/v1/workspaces/current?confirm=Engines", workspace=here
    )
    assert closed.status == 202
    assert erase(call, token, {"password": PASSWORD}).status == 204
    [row] = database.admin("select purge_at from workspaces where id = %(w)s", w=here.id)
    assert row["purge_at"] is not None
    erased = state(database, token)
    assert erased is not None
    assert erased["finished_at"]


# What goes, and what stays


def test_nothing_tells_of_the_person_any_more(
    call: Call,
    token: dict[str, Any],
    guest: Workspace,
    asking: Asking,
    database: Database,
    as_role: Callable[[str], None],
) -> None:
    """Every table there is is searched for their address, name, user agent and where they were."""
    seen_by = asking(address="203.0.113.77", agent="Analytical/1.0")
    signed_in = call(
        seen_by, "POST", "/api/v1/auth/sign-in",
        {"email": token["email"], "password": PASSWORD}, anonymous=True, role="crm_auth",
    )  # fmt: skip
    assert signed_in.status == 200
    renamed = call(
        seen_by, "PATCH", ME, {"name": f"Countess {token['user_id']}"},
        workspace=caller_of(token), role="crm_auth",
    )  # fmt: skip
    assert renamed.status == 200
    here = caller_of(token)
    database.admin("update users set email_verified_at = now() where id = %(u)s", u=here.user_id)
    invited = call(
        workspaces, "POST", "/api/v1/invitations",
        {"email": "grace@example.com", "role": "member"}, workspace=here,
    )  # fmt: skip
    assert invited.status == 201
    made = call(
        keys_api, "POST", "/api/v1/keys", {"name": "Nightly", "grants": ["contacts.read"]},
        workspace=here,
    )  # fmt: skip
    assert made.status == 201
    _accepted(call, database, guest, token["email"])
    call(
        handler, "POST", "/api/v1/auth/sign-in",
        {"email": token["email"], "password": "wrong password"}, anonymous=True, role="crm_auth",
    )  # fmt: skip
    marks = (token["email"], f"Countess {here.user_id}", "203.0.113.77", "Analytical/1.0")
    assert {mark for mark, _ in _found(database, marks)} == set(marks)
    assert erase(call, token, {"password": PASSWORD}, by=seen_by).status == 204
    assert _found(database, marks) == []
    row = user(database, token)
    assert row["email"] == f"erased-{token['user_id']}@invalid"
    assert (row["name"], row["password_hash"]) == ("Former member", "none")


def _accepted(call: Call, database: Database, guest: Workspace, email: str) -> None:
    """An invitation that the person came by."""
    [owner] = database.admin(
        "select user_id from memberships where workspace_id = %(w)s and role = 'owner'", w=guest.id
    )
    database.admin(
        "update users set email_verified_at = now() where id = %(u)s", u=owner["user_id"]
    )
    place = Workspace(guest.id, owner["user_id"])
    database.admin(
        "update memberships set ended_at = now() where workspace_id = %(w)s and user_id = %(u)s",
        w=guest.id,
        u=guest.user_id,
    )
    invited = call(
        workspaces, "POST", "/api/v1/invitations", {"email": email, "role": "member"},
        workspace=place,
    )  # fmt: skip
    assert invited.status == 201, invited.json
    database.admin(
        """
        with back as (
            update memberships set ended_at = null, rejoined_at = now()
            where workspace_id = %(w)s and user_id = %(u)s
        )
        update invitations set accepted_at = now(), accepted_by = %(u)s
        where workspace_id = %(w)s and id = %(i)s
        """,
        w=guest.id,
        u=guest.user_id,
        i=invited.json["id"],
    )


def _found(database: Database, marks: tuple[str, ...]) -> list[tuple[str, str]]:
    """Which marks are in which tables. Mails that wait in queues are not looked at."""
    tables = database.admin(
        """
        select relname as name from pg_class where relnamespace = 'public'::regnamespace
            and relkind in ('r', 'p') and not relispartition
        """
    )
    found: list[tuple[str, str]] = []
    for table in tables:
        query: Any = f"select to_jsonb(t)::text as row from {table['name']} t"  # noqa: S608
        text = "\n".join(row["row"] for row in database.admin(query))
        found += [(mark, table["name"]) for mark in marks if mark in text]
    return found


def test_who_is_erased_leaves_as_others_do(
    call: Call, token: dict[str, Any], guest: Workspace, events_of: EventsOf, database: Database
) -> None:
    made = call(
        keys_api, "POST", "/api/v1/keys", {"name": "Nightly", "grants": ["contacts.read"]},
        workspace=caller_of(token),
    )  # fmt: skip
    assert erase(call, token, {"password": PASSWORD}).status == 204
    here = [one["type"] for one in events_of(caller_of(token))]
    assert here[-4:] == [
        "MemberLeft",
        "AccountErasureRequested",
        "SessionRevoked",
        "ApiKeyRevoked",
    ]
    told = events_of(guest)
    assert [one["type"] for one in told] == ["MemberLeft", "AccountErasureRequested"]
    assert {one["payload"]["aggregate_id"] for one in told} == {token["user_id"]}
    assert {one["payload"]["actor"] for one in told} == {f"user:{token['user_id']}"}
    for query in (
        "select 1 from memberships where user_id = %(u)s and ended_at is null",
        "select 1 from sessions where user_id = %(u)s",
        "select 1 from api_keys where user_id = %(u)s and revoked_at is null",
    ):
        assert database.admin(query, u=token["user_id"]) == [], query
    [key] = database.admin("select * from api_keys where id = %(id)s", id=made.json["id"])
    assert key["last_used_from"] is None


def test_nobody_signs_in_by_it(call: Call, token: dict[str, Any]) -> None:
    assert erase(call, token, {"password": PASSWORD}).status == 204
    given = {"email": token["email"], "password": PASSWORD}
    answer = call(handler, "POST", "/api/v1/auth/sign-in", given, anonymous=True, role="crm_auth")
    assert answer.status == 401
    refresh = {"refresh_token": token["refresh_token"]}
    answer = call(handler, "POST", "/api/v1/auth/refresh", refresh, anonymous=True, role="crm_auth")
    assert answer.status == 401
    again = erase(call, token, {"password": PASSWORD})
    assert (again.status, again.json["code"]) == (404, "person_not_found")
    for method, path, body in (
        ("GET", ME, None),
        ("GET", f"{ME}/export", None),
        ("PATCH", ME, {"name": "Back again"}),
    ):
        answer = call(handler, method, path, body, workspace=caller_of(token), role="crm_auth")
        assert answer.status == 404, path


def test_the_address_is_free_again(
    call: Call, token: dict[str, Any], sign_up: SignUp, database: Database
) -> None:
    assert erase(call, token, {"password": PASSWORD}).status == 204
    again = sign_up(email=token["email"])
    assert again["user_id"] != token["user_id"]
    assert user(database, again)["name"] == "Ada"


def test_what_they_made_stays_by_a_former_member(
    call: Call, token: dict[str, Any], database: Database
) -> None:
    here = caller_of(token)
    database.admin(
        "insert into contacts (workspace_id, id, name, owner_id) values (%(w)s, %(i)s, 'X', %(u)s)",
        w=here.id,
        i=uuid7(),
        u=here.user_id,
    )
    assert erase(call, token, {"password": PASSWORD}).status == 204
    [row] = database.admin("select owner_id from contacts where workspace_id = %(w)s", w=here.id)
    assert row["owner_id"] == here.user_id
    [other] = database.admin(
        "select user_id from memberships where workspace_id = %(w)s and ended_at is null", w=here.id
    )
    shown = call(
        workspaces, "GET", f"/api/v1/members/{here.user_id}",
        workspace=Workspace(here.id, other["user_id"]),
    )  # fmt: skip
    assert shown.json["name"] == "Former member"
    assert shown.json["email"].endswith("@invalid")


def test_others_keep_what_is_theirs(
    call: Call, token: dict[str, Any], sign_up: SignUp, database: Database, events_of: EventsOf
) -> None:
    other = sign_up(name="Grace Hopper")
    renamed = call(
        handler, "PATCH", ME, {"name": "Rear Admiral"}, workspace=caller_of(other), role="crm_auth"
    )
    assert renamed.status == 200
    place = caller_of(other)
    log = "select to_jsonb(a)::text as row from audit_log a where workspace_id = %(w)s order by id"
    before = (user(database, other), events_of(place), database.admin(log, w=place.id))
    assert erase(call, token, {"password": PASSWORD}).status == 204
    assert (user(database, other), events_of(place), database.admin(log, w=place.id)) == before


def test_an_access_token_that_outlives_them_makes_nothing(
    call: Call, token: dict[str, Any]
) -> None:
    assert erase(call, token, {"password": PASSWORD}).status == 204
    answer = call(
        workspaces, "POST", "/api/v1/workspaces", {"name": "Afterlife"}, workspace=caller_of(token)
    )
    assert (answer.status, answer.json["code"]) == (403, "not_permitted")


# How it goes on


def run_job(as_role: Callable[[str], None]) -> None:
    as_role("crm_auth")
    job({"detail": {"job": "erase-accounts"}}, LambdaContext())


@contextmanager
def dying(after: int, monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """A process that ends when it has committed so many transactions."""
    begun = iter(range(after))

    @contextmanager
    def until_death(*given: Any, **named: Any) -> Generator[Any]:
        if next(begun, None) is None:
            raise KeyboardInterrupt
        with db.system_transaction(*given, **named) as tx:
            yield tx

    with monkeypatch.context() as patch:
        patch.setattr(erasure, "system_transaction", until_death)
        yield


def test_killed_after_every_step_it_goes_on(
    call: Call,
    token: dict[str, Any],
    guest: Workspace,
    database: Database,
    events_of: EventsOf,
    as_role: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """First the transaction that counts, then each workspace is left, then each forgets, then the
    end.
    """
    monkeypatch.setattr(erasure, "MOST_ACTS", 1)
    with monkeypatch.context() as patch:
        patch.setattr(erasure, "AT_ONCE_S", -1)
        assert erase(call, token, {"password": PASSWORD}).status == 204
    assert user(database, token)["erased_at"], "that is so from the beginning"
    begun = state(database, token)
    assert begun is not None
    assert begun["email"] == token["email"]
    for _ in range(12):
        as_role("crm_auth")
        try:
            with dying(1, monkeypatch):
                erasure.erase(UUID(token["user_id"]), until=time.monotonic() + 60)
        except KeyboardInterrupt:
            continue
    run_job(as_role)
    done = state(database, token)
    assert done is not None
    assert (done["email"], bool(done["finished_at"])) == (None, True)
    kinds = [one["type"] for one in events_of(guest)]
    assert kinds == ["MemberLeft", "AccountErasureRequested"], "each once"
    run_job(as_role)
    assert state(database, token) == done


def test_the_job_finishes_what_nobody_waited_for(
    call: Call,
    token: dict[str, Any],
    guest: Workspace,
    database: Database,
    as_role: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(erasure, "AT_ONCE_S", -1)
    assert erase(call, token, {"password": PASSWORD}).status == 204
    sessions = "select 1 from sessions where user_id = %(u)s"
    assert database.admin(sessions, u=token["user_id"])
    run_job(as_role)
    assert database.admin(sessions, u=token["user_id"]) == []


def test_a_workspace_made_in_the_same_moment_is_deleted(
    call: Call,
    token: dict[str, Any],
    new_workspace: Any,
    database: Database,
    as_role: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody else could ever enter it."""
    monkeypatch.setattr(erasure, "AT_ONCE_S", -1)
    assert erase(call, token, {"password": PASSWORD}).status == 204
    place = new_workspace()
    database.admin("delete from memberships where workspace_id = %(w)s", w=place.id)
    database.admin(
        "insert into memberships (workspace_id, user_id, role) values (%(w)s, %(u)s, 'owner')",
        w=place.id,
        u=token["user_id"],
    )
    run_job(as_role)
    [row] = database.admin(
        "select purge_at <= now() as due from workspaces where id = %(w)s", w=place.id
    )
    assert row["due"]
    done = state(database, token)
    assert done is not None
    assert done["finished_at"]


def test_of_two_owners_one_has_to_stay(
    call: Call, token: dict[str, Any], sign_up: SignUp, database: Database
) -> None:
    other = sign_up(name="Charles")
    here, there = caller_of(token), caller_of(other)
    database.admin(
        "delete from memberships where workspace_id = %(w)s and user_id <> %(u)s",
        w=here.id,
        u=here.user_id,
    )
    database.admin(
        "insert into memberships (workspace_id, user_id, role) values (%(w)s, %(u)s, 'owner')",
        w=here.id,
        u=there.user_id,
    )
    database.admin(
        """
        update workspaces set deletion_asked_by = id, deletion_asked_at = now(),
            purge_at = now() + interval '1 day' where id = %(w)s
        """,
        w=there.id,
    )
    assert erase(call, token, {"password": PASSWORD}).status == 204
    answer = erase(call, other, {"password": PASSWORD})
    assert (answer.status, answer.json["code"]) == (409, "last_owner_of_some")
