"""An endpoint is told what the member may read who gave it its URL, by their role as it is now."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from events.catalogue import all_events
from functions.webhooks.tests.conftest import Hooks
from functions.webhooks.tests.receiver import Receiver
from functions.webhooks.tests.test_events import HOOK, created, mailbox, sample
from shared.access import EVERYTHING, Access, access_of
from shared.db import transaction
from shared.testing import Database, NewMember, Workspace


def _limit(database: Database, workspace: Workspace, grants: str) -> None:
    """The member whose endpoints they are has this role from now on."""
    role_id = uuid4()
    for statement in (
        """
        insert into roles (workspace_id, id, name, grants)
        values (%(w)s, %(r)s, %(r)s, string_to_array(%(g)s, ' '))
        """,
        "update memberships set role = 'custom', role_id = %(r)s where workspace_id = %(w)s",
    ):
        database.admin(statement, w=workspace.id, r=role_id, g=grants)


def _happen(hooks: Hooks, workspace: Workspace, *names: str) -> None:
    hooks.happen(*[sample(all_events()[name], workspace) for name in names])


@pytest.mark.parametrize(
    ("grants", "told"),
    [
        ("webhooks.settings contacts.read", {"ContactCreated"}),
        ("webhooks.settings contacts.read tasks.read:own", {"ContactCreated"}),
        ("webhooks.settings tasks.read members.read", {"TaskCreated", "MemberJoined"}),
        ("webhooks.settings", set[str]()),
    ],
)
def test_of_what_they_may_not_read_it_hears_nothing(
    hooks: Hooks, workspace: Workspace, database: Database, grants: str, told: set[str]
) -> None:
    endpoint = hooks.create(HOOK)
    _limit(database, workspace, grants)
    _happen(hooks, workspace, "ContactCreated", "TaskCreated", "MemberJoined", "SessionOpened")
    assert {one["event_type"] for one in hooks.deliveries(endpoint)} == told


@pytest.mark.parametrize("then", ["left", "role", "mailbox"])
def test_what_was_pending_is_not_sent_once_they_may_read_it_no_more(
    hooks: Hooks,
    workspace: Workspace,
    database: Database,
    receiver: Receiver,
    new_member: NewMember,
    then: str,
) -> None:
    """They take it along who leave, or whose role changes; the log says why it was not sent."""
    endpoint = hooks.create(receiver.url)
    name = "EmailAnalyzed" if then == "mailbox" else "ContactCreated"
    fields: dict[str, Any] = {}
    if then == "mailbox":
        fields["mailbox_id"] = uuid4()
        mailbox(database, workspace, fields["mailbox_id"], "metadata")
    hooks.happen(sample(all_events()[name], workspace, **fields))
    assert [one["state"] for one in hooks.deliveries(endpoint)] == ["pending"]
    if then == "left":
        database.admin(
            "update memberships set ended_at = now() where workspace_id = %(w)s", w=workspace.id
        )
    elif then == "role":
        _limit(database, workspace, "webhooks.settings tasks.read")
    else:
        database.admin(
            "update mailboxes set user_id = %(u)s where workspace_id = %(w)s",
            u=new_member(workspace).user_id,
            w=workspace.id,
        )
    hooks.send(endpoint)
    [given_up] = database.admin(
        "select state, reason from webhook_deliveries where workspace_id = %(w)s", w=workspace.id
    )
    assert (given_up["state"], given_up["reason"]) == ("failed", "not_permitted")
    assert receiver.received == []


def test_who_has_left_is_told_nothing(
    hooks: Hooks, workspace: Workspace, database: Database
) -> None:
    endpoint = hooks.create(HOOK)
    database.admin(
        "update memberships set ended_at = now() where workspace_id = %(w)s", w=workspace.id
    )
    _happen(hooks, workspace, "ContactCreated")
    assert hooks.deliveries(endpoint) == []


def test_what_is_hidden_from_them_is_not_sent(
    hooks: Hooks, workspace: Workspace, database: Database
) -> None:
    endpoint = hooks.create(HOOK)
    _limit(database, workspace, "webhooks.settings contacts.read -contacts.email")
    _happen(hooks, workspace, "ContactCreated")
    body = _body(hooks, endpoint["id"], EVERYTHING)
    assert body["data"]["email"] is None
    assert body["data"]["name"]


def test_what_was_sent_is_shown_as_far_as_one_may_see_it(
    hooks: Hooks, workspace: Workspace
) -> None:
    endpoint = hooks.create(HOOK)
    _happen(hooks, workspace, "ContactCreated")
    assert _body(hooks, endpoint["id"], EVERYTHING)["data"]["email"]
    hiding = access_of("webhooks.settings contacts.read -contacts.email")
    assert _body(hooks, endpoint["id"], hiding)["data"]["email"] is None
    for less in ("webhooks.settings", "webhooks.settings contacts.read:own tasks.read"):
        [delivery] = hooks.deliveries(endpoint)
        url = f"/{endpoint['id']}/deliveries/{delivery['id']}"
        assert hooks.ask("GET", url, access=access_of(less)).json["body"] is None


def test_replaying_tells_no_more(hooks: Hooks, workspace: Workspace, database: Database) -> None:
    endpoint = hooks.create(HOOK)
    asked = f"/{endpoint['id']}/replay", {"after_position": 0}
    assert hooks.ask("POST", *asked).json["replayed"] == 1, "that it was made itself"
    _limit(database, workspace, "tasks.read")
    answer = hooks.ask("POST", *asked)
    assert (answer.status, answer.json["replayed"]) == (202, 0)


def test_nobody_has_more_replayed_than_they_may_read(hooks: Hooks, workspace: Workspace) -> None:
    """The endpoint's member may read everything; whoever asks for the replay may not."""
    endpoint = hooks.create(HOOK, event_types=["ContactCreated"])
    hooks.as_role("crm_app")
    with transaction(workspace.id, user_id=workspace.user_id) as tx:
        tx.emit(created(workspace, "Ada"))
    asked = f"/{endpoint['id']}/replay", {"after_position": 0}
    less = access_of("webhooks.settings tasks.read")
    assert hooks.ask("POST", *asked, access=less).json["replayed"] == 0
    assert hooks.deliveries(endpoint) == []
    assert hooks.ask("POST", *asked).json["replayed"] == 1


@pytest.mark.parametrize(
    ("change", "theirs"),
    [
        ({"event_types": None}, True),
        ({"url": "https://elsewhere.example/hook"}, True),
        ({"description": "Ours"}, False),
    ],
)
def test_who_says_what_is_sent_where_answers_for_it(
    hooks: Hooks,
    workspace: Workspace,
    new_member: NewMember,
    database: Database,
    change: dict[str, object],
    theirs: bool,
) -> None:
    endpoint = hooks.create(HOOK, event_types=["TaskCreated"])
    colleague = new_member(workspace)
    url = f"/{endpoint['id']}"
    changed = hooks.ask("PATCH", url, change, headers={"If-Match": "*"}, workspace=colleague)
    assert changed.status == 200, changed.json
    [kept] = database.admin(
        "select user_id from webhook_endpoints where id = %(id)s", id=endpoint["id"]
    )
    assert kept["user_id"] == (colleague if theirs else workspace).user_id


def _body(hooks: Hooks, endpoint: str, access: Access) -> dict[str, dict[str, object]]:
    [delivery] = hooks.deliveries({"id": endpoint})
    UUID(delivery["id"])
    answer = hooks.ask("GET", f"/{endpoint}/deliveries/{delivery['id']}", access=access)
    return json.loads(answer.json["body"])
