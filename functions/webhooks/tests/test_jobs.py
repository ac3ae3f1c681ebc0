"""The schedules: what is due is sent for, what is old is deleted."""

from __future__ import annotations

from datetime import timedelta
from typing import LiteralString

from functions.webhooks.tests.conftest import Hooks
from functions.webhooks.tests.receiver import Receiver
from functions.webhooks.tests.test_api import created
from shared.testing import Database, NewWorkspace, Workspace

HOOK = "https://hooks.example.com/"


def test_what_is_due_is_sent_for_in_every_workspace(
    hooks: Hooks, workspace: Workspace, new_workspace: NewWorkspace
) -> None:
    other = new_workspace()
    ours = hooks.create(HOOK)
    theirs = hooks.ask("POST", "", {"url": HOOK}, workspace=other).json
    hooks.create(HOOK, event_types=["TaskCreated"])
    hooks.happen(created(workspace), created(workspace), created(other))
    hooks.woken()
    hooks.tick("dispatch")
    assert sorted(hooks.woken()) == sorted([ours["id"], theirs["id"]])


def test_a_retry_waits_for_its_time(hooks: Hooks, receiver: Receiver, workspace: Workspace) -> None:
    endpoint = hooks.create(receiver)
    receiver.answer(500)
    hooks.happen(created(workspace))
    hooks.send(endpoint)
    hooks.pass_time(seconds=30)
    hooks.send(endpoint)
    hooks.woken()
    hooks.pass_time(minutes=4)
    hooks.tick("dispatch")
    assert hooks.woken() == []
    hooks.send(endpoint)
    assert len(receiver.received) == 2
    hooks.pass_time(minutes=3)
    hooks.tick("dispatch")
    assert hooks.woken() == [endpoint["id"]]


def test_endpoints_that_are_served_or_not_to_be_served_are_left_alone(
    hooks: Hooks, workspace: Workspace, database: Database
) -> None:
    changes: list[LiteralString] = [
        "update webhook_endpoints set busy_until = now() + interval '1 minute'",
        "update webhook_endpoints set resting_until = now() + interval '1 minute'",
        "update webhook_endpoints set enabled = false",
        "update webhook_endpoints set deleted_at = now()",
        "update webhook_endpoints set busy_until = now(), resting_until = now()",
    ]
    endpoints = [hooks.create(HOOK) for _ in changes]
    hooks.happen(created(workspace))
    for endpoint, change in zip(endpoints, changes, strict=True):
        database.admin(change + " where id = %(id)s::uuid", id=endpoint["id"])
    hooks.woken()
    hooks.tick("dispatch")
    assert hooks.woken() == [endpoints[-1]["id"]]


def test_deliveries_are_kept_for_30_days(
    hooks: Hooks, workspace: Workspace, database: Database
) -> None:
    endpoint, deleted = hooks.create(HOOK), hooks.create(HOOK)
    hooks.happen(*[created(workspace) for _ in range(3)])
    hooks.ask("DELETE", f"/{deleted['id']}")
    hooks.pass_time(days=29, hours=23)
    young = created(workspace)
    hooks.happen(young)
    hooks.tick("expire")
    assert len(hooks.deliveries(endpoint)) == 4
    hooks.pass_time(hours=2)
    hooks.tick("expire")
    assert [one["event_id"] for one in hooks.deliveries(endpoint)] == [str(young.id)]
    left = database.admin(
        "select 1 from webhook_deliveries where endpoint_id = %(id)s::uuid", id=deleted["id"]
    )
    assert left == []


def test_many_are_deleted_in_portions(
    hooks: Hooks, workspace: Workspace, database: Database
) -> None:
    endpoint = hooks.create(HOOK)
    database.admin(
        """
        insert into webhook_deliveries (workspace_id, id, endpoint_id, event_id, event_type, body,
            created_at)
        select %(workspace)s, gen_random_uuid(), %(endpoint)s::uuid, gen_random_uuid(), 'X', '',
            now() - %(age)s
        from generate_series(1, 10001)
        """,
        workspace=workspace.id,
        endpoint=endpoint["id"],
        age=timedelta(days=31),
    )
    hooks.tick("expire")
    assert hooks.deliveries(endpoint) == []
