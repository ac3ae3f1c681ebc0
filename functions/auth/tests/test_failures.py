"""Attempts to sign in that failed are told to the workspaces of those whose account it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from functions.auth.commands.failures import tell_failures
from functions.auth.jobs.sessions import handler as jobs
from functions.auth.tests.conftest import PASSWORD, Asking
from shared.testing import (
    Answer,
    Call,
    Database,
    EventsOf,
    LambdaContext,
    NewWorkspace,
    Workspace,
)

SignUp = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def _none_before(database: Database) -> None:
    database.admin("delete from failed_sign_ins")


@pytest.fixture
def sign_in(call: Call, asking: Asking) -> Callable[..., Answer]:
    def given(email: str, password: str) -> Answer:
        asked = asking(address="192.0.2.77", agent="curl/8")
        body = {"email": email, "password": password}
        return call(asked, "POST", "/api/v1/auth/sign-in", body, anonymous=True, role="crm_auth")

    return given


SignIn = Callable[..., Answer]


def _tell(as_role: Callable[[str], None]) -> None:
    as_role("crm_auth")
    event: dict[str, Any] = {"detail": {"job": "tell-failures"}}
    context: Any = LambdaContext()
    jobs(event, context)


def test_a_wrong_password_is_told_to_each_workspace_of_the_person(
    sign_up: SignUp,
    sign_in: SignIn,
    new_workspace: NewWorkspace,
    as_role: Any,
    events_of: EventsOf,
    database: Database,
) -> None:
    made, second = sign_up(), new_workspace()
    person = UUID(made["user_id"])
    database.admin(
        "insert into memberships (workspace_id, user_id, role) values (%(w)s, %(u)s, 'viewer')",
        w=second.id,
        u=person,
    )
    assert sign_in(made["email"], "a wrong password").status == 401
    _tell(as_role)
    for place in (Workspace(UUID(made["workspace_id"]), person), second):
        told = events_of(place)[-1]
        assert told["type"] == "SignInFailed"
        assert told["payload"]["step"] == "password"
        assert told["payload"]["aggregate_id"] == made["user_id"]
        assert told["payload"]["actor"] == "system:auth"
        [entry] = database.admin(
            """
            select object_id, source_ip, user_agent, request_id is not null as named, after
            from audit_log where workspace_id = %(w)s and action = 'SignInFailed'
            """,
            w=place.id,
        )
        assert entry.pop("after")["tried_at"] == told["payload"]["tried_at"]
        assert entry == {
            "object_id": person,
            "source_ip": "192.0.2.77",
            "user_agent": "curl/8",
            "named": True,
        }


def test_it_is_told_once(
    sign_up: SignUp, sign_in: SignIn, as_role: Any, events_of: EventsOf, database: Database
) -> None:
    made = sign_up()
    place = Workspace(UUID(made["workspace_id"]), UUID(made["user_id"]))
    for _ in range(3):
        sign_in(made["email"], "a wrong password")
    _tell(as_role)
    _tell(as_role)
    told = [one["type"] for one in events_of(place)]
    assert told.count("SignInFailed") == 3
    assert database.admin("select 1 from failed_sign_ins") == []


def test_what_is_taken_is_told_or_stays(
    sign_up: SignUp, sign_in: SignIn, as_role: Any, database: Database
) -> None:
    made = sign_up()
    sign_in(made["email"], "a wrong password")
    database.admin("delete from feed where workspace_id = %(w)s", w=made["workspace_id"])
    as_role("crm_auth")
    with pytest.raises(RuntimeError, match="no feed"):
        tell_failures(most=9)
    assert len(database.admin("select 1 from failed_sign_ins")) == 1


def test_an_account_that_nobody_has_costs_the_same_and_is_told_to_nobody(
    sign_up: SignUp, sign_in: SignIn, as_role: Any, database: Database
) -> None:
    made = sign_up()
    unknown = f"{uuid4()}@example.com"
    sign_in(unknown, PASSWORD)
    sign_in(made["email"], "a wrong password")
    rows = database.admin("select to_jsonb(f) as row from failed_sign_ins f order by id")
    nobodys, known = (one["row"] for one in rows)
    assert (nobodys["user_id"], known["user_id"]) == (None, made["user_id"])
    alike = [name for name in nobodys if name not in ("id", "user_id", "tried_at", "request_id")]
    assert [nobodys[name] for name in alike] == [known[name] for name in alike]
    assert unknown not in repr(rows)
    _tell(as_role)
    assert database.admin("select 1 from failed_sign_ins") == []


def test_who_signs_in_has_not_failed(sign_up: SignUp, sign_in: SignIn, database: Database) -> None:
    assert sign_in(sign_up()["email"], PASSWORD).status == 200
    assert database.admin("select 1 from failed_sign_ins") == []
