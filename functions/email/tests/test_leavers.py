"""Whoever erases their account takes the way into their mailboxes along."""

from __future__ import annotations

from uuid import UUID

from events.auth import AccountErasureRequested
from functions.email.consumers.leavers import handler
from functions.email.tests.conftest import Connect, Team
from shared.db import resolve
from shared.testing import Database, Deliver, EventsOf, Workspace


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
