"""What a changed or ended membership does to who is signed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from events.envelope import parse
from functions.auth import authorizer
from functions.auth.consumers.members import handler
from functions.workspaces.api import handler as workspaces
from shared.access import ROLES, Access, access_of
from shared.auth import caller_of
from shared.testing import Call, Database, Deliver, EventsOf, LambdaContext, NewMember, Workspace

SignUp = Callable[..., dict[str, Any]]
ARN = "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET/api/v1/contacts/7"
_authorize: Callable[..., Any] = authorizer.handler


def _access(token: dict[str, Any], as_role: Callable[[str], None]) -> Access:
    """What the authorizer lets somebody do."""
    as_role("crm_auth")
    bearer = {"Authorization": [f"Bearer {token['access_token']}"]}
    answer = _authorize({"methodArn": ARN, "multiValueHeaders": bearer}, LambdaContext())
    return caller_of({"requestContext": {"authorizer": answer["context"]}}).access


@pytest.fixture
def pair(sign_up: SignUp, new_member: NewMember) -> tuple[dict[str, Any], Workspace]:
    """Somebody who signed up, and the other owner of their workspace."""
    token = sign_up()
    place = Workspace(UUID(token["workspace_id"]), UUID(token["user_id"]))
    return token, new_member(place, "owner")


def _change(call: Call, other: Workspace, token: dict[str, Any], method: str, body: Any) -> None:
    path = f"/api/v1/members/{token['user_id']}"
    answer = call(workspaces, method, path, body, headers={"If-Match": "*"}, workspace=other)
    assert answer.status in (200, 204), answer.json


def test_another_role_counts_within_half_a_minute(
    pair: tuple[dict[str, Any], Workspace],
    call: Call,
    as_role: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token, other = pair
    assert _access(token, as_role) == ROLES["owner"]
    _change(call, other, token, "PATCH", {"role": "viewer"})
    later = authorizer.time.time() + 30
    monkeypatch.setattr("time.time", lambda: later)
    assert _access(token, as_role) == ROLES["viewer"]


def test_so_does_what_a_role_permits(
    pair: tuple[dict[str, Any], Workspace],
    call: Call,
    as_role: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token, other = pair
    new = {"name": "Sales", "grants": ["contacts.read"]}
    role = call(workspaces, "POST", "/api/v1/roles", new, workspace=other).json
    _change(call, other, token, "PATCH", {"role_id": role["id"]})
    assert _access(token, as_role) == access_of("contacts.read")
    less = {"grants": ["contacts.read:own", "-contacts.phone"]}
    changed = call(
        workspaces,
        "PATCH",
        f"/api/v1/roles/{role['id']}",
        less,
        headers={"If-Match": "*"},
        workspace=other,
    )
    assert changed.status == 200
    later = authorizer.time.time() + 30
    monkeypatch.setattr("time.time", lambda: later)
    assert _access(token, as_role) == access_of("contacts.read:own -contacts.phone")


def test_who_left_is_out_at_once_when_the_queue_is_served(
    pair: tuple[dict[str, Any], Workspace],
    call: Call,
    as_role: Callable[[str], None],
    deliver: Deliver,
    events_of: EventsOf,
) -> None:
    token, other = pair
    _access(token, as_role)
    _change(call, other, token, "DELETE", None)
    event = parse("MemberLeft", events_of(other)[-1]["payload"])
    for _ in range(2):
        assert deliver(handler, event, role="crm_auth") == []
    ended = [one for one in events_of(other) if one["type"] == "SessionRevoked"]
    assert [one["payload"]["reason"] for one in ended] == ["membership_ended"]
    authorizer._sessions.clear()  # pyright: ignore[reportPrivateUsage] -- another environment
    with pytest.raises(Exception, match=r"\AUnauthorized\Z"):
        _access(token, as_role)


def test_and_within_half_a_minute_where_it_is_not(
    pair: tuple[dict[str, Any], Workspace],
    call: Call,
    as_role: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token, other = pair
    _access(token, as_role)
    _change(call, other, token, "DELETE", None)
    later = authorizer.time.time() + 30
    monkeypatch.setattr("time.time", lambda: later)
    with pytest.raises(Exception, match=r"\AUnauthorized\Z"):
        _access(token, as_role)


def test_who_comes_back_has_no_session_from_before(
    pair: tuple[dict[str, Any], Workspace],
    call: Call,
    as_role: Callable[[str], None],
    database: Database,
    deliver: Deliver,
    events_of: EventsOf,
) -> None:
    """Whether or not the queue was served in between; what they opened since then stays."""
    token, other = pair
    _change(call, other, token, "DELETE", None)
    event = parse("MemberLeft", events_of(other)[-1]["payload"])
    database.admin(
        """
        update memberships set ended_at = null, rejoined_at = now()
        where workspace_id = %(w)s and user_id = %(u)s
        """,
        w=other.id,
        u=token["user_id"],
    )
    with pytest.raises(Exception, match=r"\AUnauthorized\Z"):
        _access(token, as_role)
    assert deliver(handler, event, role="crm_auth") == []
    database.admin(
        "update sessions set created_at = now() where user_id = %(u)s", u=token["user_id"]
    )
    authorizer._sessions.clear()  # pyright: ignore[reportPrivateUsage] -- as if it were a new one
    assert _access(token, as_role) == ROLES["owner"]
