"""Accepting an invitation: by whom, once, and what it gives."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from functions.workspaces import acceptance_api
from functions.workspaces.tests.post import Post
from functions.workspaces.tests.scenes import People
from shared.testing import EventsOf

EMAIL = "grace@example.com"


def _email() -> str:
    return f"{uuid4()}@example.com"


def test_who_is_invited_joins_with_the_role_meant_for_them(
    post: Post, people: People, events_of: EventsOf
) -> None:
    email = _email()
    role_id = people.new_role("contacts.read:own")
    body = {"email": email, "role_id": str(role_id)}
    invitation = people.ask(people.owner, "POST", "/invitations", body).json
    grace = post.newcomer(email)
    answer = post.accept(grace, post.token(email))
    assert answer.status == 200, answer.json
    assert answer.json == {
        "workspace_id": str(people.workspace.id),
        "workspace_name": "Test",
        "role": "custom",
        "role_id": str(role_id),
    }
    assert people.membership(grace.user_id)["role_id"] == role_id
    assert people.ask(people.owner, "GET", "/invitations").json["items"] == []
    _, joined, accepted = events_of(people.workspace)
    assert (joined["type"], accepted["type"]) == ("MemberJoined", "InvitationAccepted")
    assert joined["payload"]["actor"] == f"user:{grace.user_id}"
    assert joined["payload"]["aggregate_id"] == str(grace.user_id)
    assert joined["payload"]["invited_by"] == str(people.owner.user_id)
    assert accepted["payload"]["aggregate_id"] == invitation["id"]
    assert events_of(grace) == [], "their own workspace is not concerned"


def test_accepting_again_changes_nothing(post: Post, people: People, events_of: EventsOf) -> None:
    email = _email()
    post.invited(email)
    grace, token = post.newcomer(email), post.token(email)
    first = post.accept(grace, token)
    before = len(events_of(people.workspace))
    again = post.accept(grace, token)
    assert (again.status, again.json) == (200, first.json)
    assert len(events_of(people.workspace)) == before


def test_a_mail_that_is_passed_on_lets_nobody_in(post: Post, people: People) -> None:
    email = _email()
    post.invited(email)
    token, other = post.token(email), post.newcomer(_email())
    answer = post.accept(other, token)
    assert (answer.status, answer.json["code"]) == (403, "for_another_address")
    assert email not in answer.body.decode()
    assert post.accept(post.newcomer(email), token).status == 200


@pytest.mark.parametrize("why", ["revoked", "over", "left"])
def test_what_is_over_is_over(post: Post, people: People, why: str) -> None:
    email = _email()
    path = f"/invitations/{post.invited(email)['id']}"
    grace, token = post.newcomer(email), post.token(email)
    if why == "revoked":
        people.ask(people.owner, "DELETE", path)
    elif why == "over":
        post.let_pass(path.rpartition("/")[2], "8 days")
    else:
        post.accept(grace, token)
        people.ask(people.owner, "DELETE", f"/members/{grace.user_id}")
    answer = post.accept(grace, token)
    assert (answer.status, answer.json["code"]) == (400, "invalid_invitation")


@pytest.mark.parametrize("then", ["lowered", "removed", "less"])
def test_nobody_comes_back_by_what_they_invited_themselves_to(
    post: Post, people: People, then: str
) -> None:
    """Whoever invited has to be who may, when it is accepted."""
    email = _email()
    post.invited(email, "owner" if then == "less" else "member")
    grace, token = post.newcomer(email), post.token(email)
    role = {"lowered": "viewer", "removed": "owner", "less": "admin"}[then]
    people.database.admin(
        """
        update memberships set role = %(role)s, ended_at = case when %(removed)s then now() end
        where workspace_id = %(w)s and user_id = %(u)s
        """,
        role=role,
        removed=then == "removed",
        w=people.workspace.id,
        u=people.owner.user_id,
    )
    refused = post.accept(grace, token)
    assert (refused.status, refused.json["code"]) == (400, "invalid_invitation")
    assert "invited you" in refused.json["errors"][0]["detail"]


def test_who_left_comes_back_by_another_invitation(
    post: Post, people: People, events_of: EventsOf
) -> None:
    email = _email()
    post.invited(email, "admin")
    grace = post.newcomer(email)
    post.accept(grace, post.token(email))
    people.ask(people.owner, "DELETE", f"/members/{grace.user_id}")
    post.invited(email, "viewer")
    answer = post.accept(grace, post.token(email))
    assert (answer.status, answer.json["role"]) == (200, "viewer")
    row = people.membership(grace.user_id)
    assert (row["role"], row["ended_at"], row["version"]) == ("viewer", None, 3)
    assert row["rejoined_at"] is not None
    joined = [one for one in events_of(people.workspace) if one["type"] == "MemberJoined"]
    assert [one["payload"]["aggregate_version"] for one in joined] == [1, 3]


def test_who_is_a_member_by_then_keeps_their_role(post: Post, people: People) -> None:
    email = _email()
    post.invited(email, "viewer")
    grace, token = post.newcomer(email), post.token(email)
    people.database.admin(
        "insert into memberships (workspace_id, user_id, role) values (%(w)s, %(u)s, 'admin')",
        w=people.workspace.id,
        u=grace.user_id,
    )
    assert post.accept(grace, token).json["role"] == "admin"
    assert people.membership(grace.user_id)["version"] == 1


def _wrong(token: str, people: People) -> list[str]:
    place, invitation, secret = token.split(".")
    zeros = base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")
    return [
        "",
        "x",
        f"{place}.{invitation}",
        f"{place}.{invitation}.{zeros}",
        f"{place}.{uuid4().hex}.{secret}",
        f"{uuid4().hex}.{invitation}.{secret}",
        f"{token} ",
        f"{token}x",
        token.upper(),
        re.sub(r"^.", "\u0661", token),
        f"{place}.{invitation}.{secret[:-1]}\udc80",
        "\0" * 90,
    ]


def test_a_token_that_is_none_is_refused_alike(post: Post, people: People) -> None:
    email = _email()
    post.invited(email)
    grace, token = post.newcomer(email), post.token(email)
    for wrong in _wrong(token, people):
        answer = post.accept(grace, wrong)
        assert answer.status in (400, 422), wrong
        assert answer.json["code"] in ("invalid_invitation", "unprocessable", "bad_request")
    assert post.accept(grace, token).status == 200


def test_another_workspaces_token_names_nothing_here(
    post: Post, people: People, new_workspace: object
) -> None:
    """The workspace is the token's, whichever one asks from, and no other's invitation is found."""
    email = _email()
    post.invited(email)
    grace = post.newcomer(email)
    _, invitation, secret = post.token(email).split(".")
    answer = post.accept(grace, f"{grace.id.hex}.{invitation}.{secret}")
    assert (answer.status, answer.json["code"]) == (400, "invalid_invitation")


def test_a_key_accepts_nothing(post: Post, people: People) -> None:
    email = _email()
    post.invited(email)
    grace, token = post.newcomer(email), post.token(email)
    accept: Callable[..., Any] = acceptance_api.handler

    def by_key(event: dict[str, Any], context: object) -> Any:
        event["requestContext"]["authorizer"] |= {"key_id": str(uuid4()), "session_id": ""}
        return accept(event, context)

    body, path = {"token": token}, "/api/v1/invitations/accept"
    answer = people.call(by_key, "POST", path, body, workspace=grace, role="crm_auth")
    assert (answer.status, answer.json["code"]) == (403, "not_for_keys")
