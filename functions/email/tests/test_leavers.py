"""Whoever erases their account takes the way into their mailboxes along."""

from __future__ import annotations

from uuid import UUID

from events.auth import AccountErasureRequested
from events.workspaces import MemberLeft
from functions.email.api import handler as api
from functions.email.consumers.leavers import handler
from functions.email.tests.conftest import Connect, Team
from shared.access import ROLES
from shared.db import resolve
from shared.testing import Call, Database, Deliver, EventsOf, Workspace

pytest_plugins = ["infra_cdk.local.google.fixtures"]


def _erased(place: Workspace, person: UUID) -> AccountErasureRequested:
    return AccountErasureRequested(workspace_id=place.id, aggregate_id=person)


def test_their_mailboxes_are_read_no_more(
    connect: Connect, team: Team, deliver: Deliver, database: Database, events_of: EventsOf
) -> None:
    mailbox = connect(workspace=team.owner)
    assert deliver(handler, _erased(team.owner, team.other.user_id)) == []
    query = "select * from mailboxes where id = %(id)s"
    [untouched] = database.admin(query, id=mailbox["id"])
    assert (untouched["state"], untouched["version"]) == ("active", 1)
    asked = _erased(team.owner, team.owner.user_id)
    for _ in range(2):
        assert deliver(handler, asked) == []
    [row] = database.admin(query, id=mailbox["id"])
    assert (row["state"], row["state_reason"]) == ("disconnected", "account_erased")
    assert (row["credentials"], row["version"]) == (b"", 2)
    told = [one for one in events_of(team.owner) if one["type"] == "MailboxDisconnected"]
    assert [one["payload"]["reason"] for one in told] == ["account_erased"]
    found = resolve(UUID, "select mailbox_id from app.resolve_mailbox(%(a)s)", a=mailbox["address"])
    assert UUID(mailbox["id"]) not in found


def test_who_left_or_was_removed_feeds_nothing_any_more(
    connect: Connect, team: Team, deliver: Deliver, database: Database
) -> None:
    mailbox = connect(workspace=team.other)
    left = MemberLeft(workspace_id=team.owner.id, aggregate_id=team.other.user_id)
    query = "select * from mailboxes where id = %(id)s"
    assert deliver(handler, left) == []
    [still] = database.admin(query, id=mailbox["id"])
    assert still["state"] == "active", "they are back by now"
    database.admin(
        "update memberships set ended_at = now() where user_id = %(u)s", u=team.other.user_id
    )
    again = MemberLeft(workspace_id=team.owner.id, aggregate_id=team.other.user_id)
    assert deliver(handler, again) == []
    [row] = database.admin(query, id=mailbox["id"])
    assert (row["state"], row["state_reason"]) == ("disconnected", "member_left")
    assert row["credentials"] == b""


def test_its_owner_disconnects_a_mailbox(
    connect: Connect, team: Team, call: Call, database: Database, events_of: EventsOf
) -> None:
    mailbox = connect(workspace=team.owner)
    url = f"/api/v1/mailboxes/{mailbox['id']}/disconnect"
    member = ROLES["member"]
    refused = call(api, "POST", url, workspace=team.other, access=member)
    assert (refused.status, refused.json["code"]) == (403, "not_your_mailbox")
    for _ in range(2):
        done = call(api, "POST", url, workspace=team.owner, access=member)
        assert (done.status, done.json["state"]) == (200, "disconnected")
    [row] = database.admin("select * from mailboxes where id = %(id)s", id=mailbox["id"])
    assert (row["credentials"], row["version"]) == (b"", 2)
    told = [one["payload"]["reason"] for one in events_of(team.owner) if "Disc" in one["type"]]
    assert told == ["by_a_person"]


def test_so_does_who_removes_members(connect: Connect, team: Team, call: Call) -> None:
    theirs = connect(workspace=team.other)
    url = f"/api/v1/mailboxes/{theirs['id']}/disconnect"
    done = call(api, "POST", url, workspace=team.owner, access=ROLES["admin"])
    assert (done.status, done.json["state"]) == (200, "disconnected")


def test_one_that_the_provider_had_refused_is_forgotten_as_well(
    connect: Connect, team: Team, deliver: Deliver, database: Database
) -> None:
    mailbox = connect(workspace=team.owner)
    database.admin(
        "update mailboxes set state = 'disconnected', state_reason = 'x' where id = %(id)s",
        id=mailbox["id"],
    )
    assert deliver(handler, _erased(team.owner, team.owner.user_id)) == []
    [row] = database.admin("select * from mailboxes where id = %(id)s", id=mailbox["id"])
    assert row["credentials"] == b""
