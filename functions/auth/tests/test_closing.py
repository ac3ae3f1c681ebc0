"""Who gets into a workspace that is to be deleted: its owners, to read and to restore it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import jwt
import pytest

from events.envelope import parse
from functions.auth import authorizer, keyring
from functions.auth.api import handler
from functions.auth.consumers.members import handler as members
from functions.auth.keys_api import handler as keys_api
from functions.auth.tests.conftest import PASSWORD
from functions.workspaces import acceptance_api
from functions.workspaces.api import handler as workspaces
from functions.workspaces.models.invitations import InvitationToken
from shared import cache
from shared.db import transaction
from shared.db.refusals import Denied, is_policy
from shared.ids import uuid7
from shared.tenancy import join_workspace
from shared.testing import Answer, Call, Database, Deliver, EventsOf, LambdaContext, Workspace

SignUp = Callable[..., dict[str, Any]]
Enter = Callable[[str], bool]
ARN = "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET/api/v1/contacts/7"
URL = "/api/v1/workspaces/current"
_authorize: Callable[..., Any] = authorizer.handler


def caller_of(token: dict[str, Any]) -> Workspace:
    claims = jwt.decode(token["access_token"], options={"verify_signature": False})
    return Workspace(UUID(token["workspace_id"]), UUID(token["user_id"]), UUID(claims["sid"]))


@pytest.fixture
def owner(sign_up: SignUp) -> dict[str, Any]:
    return sign_up()


@pytest.fixture
def member(
    owner: dict[str, Any], sign_up: SignUp, database: Database, call: Call
) -> dict[str, Any]:
    """Somebody who is signed in to the owner's workspace."""
    token = sign_up()
    database.admin(
        "insert into memberships (workspace_id, user_id, role) values (%(w)s, %(u)s, 'admin')",
        w=owner["workspace_id"],
        u=token["user_id"],
    )
    answer = sign_in(call, token, owner)
    assert answer.status == 200
    return answer.json | {"email": token["email"]}


def sign_in(call: Call, who: dict[str, Any], place: dict[str, Any]) -> Answer:
    given = {"email": who["email"], "password": PASSWORD, "workspace_id": place["workspace_id"]}
    return call(handler, "POST", "/api/v1/auth/sign-in", given, anonymous=True, role="crm_auth")


def refresh(call: Call, token: dict[str, Any]) -> int:
    given = {"refresh_token": token["refresh_token"]}
    return call(
        handler, "POST", "/api/v1/auth/refresh", given, anonymous=True, role="crm_auth"
    ).status


@pytest.fixture
def enters(as_role: Callable[[str], None]) -> Enter:
    """Whether a token or key gets in, by an authorizer that remembers nothing."""

    def ask(given: str) -> bool:
        as_role("crm_auth")
        authorizer._sessions.clear()  # pyright: ignore[reportPrivateUsage] -- a cold start
        keyring.forget()
        bearer = {"Authorization": [f"Bearer {given}"]}
        try:
            _authorize({"methodArn": ARN, "multiValueHeaders": bearer}, LambdaContext())
        except authorizer.Refused:
            return False
        return True

    return ask


def close(call: Call, owner: dict[str, Any]) -> None:
    answer = call(workspaces, "DELETE", f"{URL}?confirm=Engines", workspace=caller_of(owner))
    assert answer.status == 202, answer.json


def restore(call: Call, owner: dict[str, Any]) -> None:
    answer = call(workspaces, "POST", f"{URL}/restore", workspace=caller_of(owner))
    assert answer.status == 200, answer.json


def last_event(events_of: EventsOf, owner: dict[str, Any]) -> Any:
    row = events_of(caller_of(owner))[-1]
    return parse(row["type"], row["payload"])


def test_owners_get_in_and_members_do_not(
    call: Call,
    owner: dict[str, Any],
    member: dict[str, Any],
    enters: Enter,
) -> None:
    """Whatever becomes of the event: the authorizer asks."""
    assert enters(member["access_token"])
    close(call, owner)
    connected: Any = cache.connected()
    connected.flushall(target_nodes="all")
    assert (enters(owner["access_token"]), enters(member["access_token"])) == (True, False)
    assert refresh(call, member) == 401
    refused = sign_in(call, member, owner)
    assert (refused.status, refused.json["code"]) == (403, "not_a_member")
    assert sign_in(call, owner, owner).status == 200
    assert refresh(call, owner) == 200


def test_members_get_into_their_other_workspaces(
    call: Call, owner: dict[str, Any], member: dict[str, Any]
) -> None:
    close(call, owner)
    given = {"email": member["email"], "password": PASSWORD}
    answer = call(handler, "POST", "/api/v1/auth/sign-in", given, anonymous=True, role="crm_auth")
    assert answer.status == 200
    assert answer.json["workspace_id"] != owner["workspace_id"]
    assert owner["workspace_id"] not in str(answer.json["memberships"])


def test_sessions_of_members_end_and_that_is_told(
    call: Call,
    owner: dict[str, Any],
    member: dict[str, Any],
    enters: Enter,
    deliver: Deliver,
    events_of: EventsOf,
) -> None:
    close(call, owner)
    asked = last_event(events_of, owner)
    for _ in range(2):
        assert deliver(members, asked, role="crm_auth") == []
    ended = [one["payload"] for one in events_of(caller_of(owner))][-1]
    assert ended["aggregate_id"] == str(caller_of(member).session_id)
    kinds = [one["type"] for one in events_of(caller_of(owner))]
    assert kinds.count("SessionRevoked") == 1
    restore(call, owner)
    assert (enters(owner["access_token"]), enters(member["access_token"])) == (True, False)
    again = sign_in(call, member, owner)
    assert enters(again.json["access_token"])


def test_told_late_it_ends_nothing(
    call: Call,
    owner: dict[str, Any],
    member: dict[str, Any],
    enters: Enter,
    deliver: Deliver,
    events_of: EventsOf,
) -> None:
    """It was restored meanwhile."""
    close(call, owner)
    asked = last_event(events_of, owner)
    restore(call, owner)
    assert deliver(members, asked, role="crm_auth") == []
    assert enters(member["access_token"])


def test_keys_stop_until_it_is_restored(call: Call, owner: dict[str, Any], enters: Enter) -> None:
    made = call(
        keys_api, "POST", "/api/v1/keys", {"name": "Nightly", "grants": ["contacts.read"]},
        workspace=caller_of(owner),
    )  # fmt: skip
    assert enters(made.json["key"])
    close(call, owner)
    assert not enters(made.json["key"])
    restore(call, owner)
    assert enters(made.json["key"])


def test_nobody_joins_it(
    call: Call,
    owner: dict[str, Any],
    sign_up: SignUp,
    as_role: Callable[[str], None],
    database: Database,
) -> None:
    """Not by an invitation, and not by single sign-on: the database keeps them out."""
    place = caller_of(owner)
    stranger = sign_up()
    invitation = InvitationToken.new(place.id, uuid7())
    database.admin(
        """
        insert into invitations (workspace_id, id, email, role, invited_by, inviter, token_hashes,
            expires_at)
        values (%(w)s, %(i)s, %(e)s, 'member', %(u)s, 'x', array[%(h)s::bytea],
            now() + interval '1 day')
        """,
        w=place.id,
        i=invitation.invitation_id,
        e=stranger["email"],
        u=place.user_id,
        h=invitation.hash,
    )
    database.admin(
        "update users set email_verified_at = now() where id = %(u)s", u=stranger["user_id"]
    )
    close(call, owner)
    answer = call(
        acceptance_api.handler, "POST", "/api/v1/invitations/accept", {"token": invitation.text},
        workspace=caller_of(stranger), role="crm_auth",
    )  # fmt: skip
    assert (answer.status, answer.json["code"]) == (409, "workspace_closing")
    as_role("crm_auth")
    with pytest.raises(Denied) as refused, transaction(place.id) as tx:
        join_workspace(tx, UUID(stranger["user_id"]), "member")
    assert is_policy(refused.value)


def test_people_still_change_what_is_theirs(
    call: Call, owner: dict[str, Any], events_of: EventsOf
) -> None:
    """What is about a person is no change of the workspace."""
    close(call, owner)
    answer = call(
        handler, "PATCH", "/api/v1/me", {"name": "Ada King"},
        workspace=caller_of(owner), role="crm_auth",
    )  # fmt: skip
    assert answer.status == 200
    assert events_of(caller_of(owner))[-1]["type"] == "ProfileChanged"
