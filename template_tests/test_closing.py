"""A workspace that is to be deleted takes no changes, however they are asked for, and can be read.

The routes are found in the apps, and the look-ups in Postgres' catalogue: one that is added
tomorrow is tried tomorrow.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.errors import ActiveSqlTransaction

from events.ai import EmailAnalyzed
from events.workspaces import MemberLeft
from functions.automations.consumers import handler as automations
from functions.contacts.api import handler as contacts
from functions.contacts.consumers import handler as owners
from functions.gateway.api.callers import handler as gateway
from functions.graphql.api import handler as graphql
from functions.workspaces.api import handler as workspaces
from infra_cdk.local.google.emulate import Google
from shared.db import resolve, transaction
from shared.errors import WorkspaceClosing
from shared.testing import Call, Database, Deliver, EventsOf, NewMember, Workspace
from template_tests.surface import Operation, operations
from template_tests.tenants import Tenant, move_in, rows_of
from template_tests.test_idempotency import SCENES, _request, sent
from template_tests.test_purging import close
from template_tests.test_tenancy import outside

__all__ = ["outside", "sent"]
pytest_plugins = ["infra_cdk.local.google.fixtures"]

PRIVATE = [one for one in operations() if not one.public]
CHANGES = [one for one in PRIVATE if one.name in SCENES]
READS = [one for one in PRIVATE if one.method == "GET"]
STILL: dict[str, str] = {
    "resolve_every_workspace": "where a person was, to erase them there",
    "resolve_memberships": "owners get in",
    "resolve_session_workspaces": "sessions end everywhere",
    "resolve_old_sessions": "what is over is deleted everywhere",
    "resolve_due_purges": "is for those that are closing",
    "resolve_sso_required": "how a workspace is entered, by whomever",
}
"""Look-ups across workspaces that find those that are closing, and why."""


@pytest.fixture
def us(database: Database, new_workspace: Callable[[], Workspace]) -> Tenant:
    """Something of everything, in a workspace that is closing since now."""
    tenant = move_in(database, new_workspace)
    database.admin(
        "update mailboxes set state = 'active' where workspace_id = %(w)s", w=tenant.workspace.id
    )
    close(database, tenant, wait="7 days")
    return tenant


def reopen(database: Database, tenant: Tenant) -> None:
    """Take back that it is to be deleted."""
    database.admin(
        """
        update workspaces set deletion_asked_by = null, deletion_asked_at = null, purge_at = null
        where id = %(w)s
        """,
        w=tenant.workspace.id,
    )


@pytest.mark.parametrize("operation", CHANGES, ids=lambda one: one.name)
def test_no_route_changes_anything(
    operation: Operation,
    us: Tenant,
    call: Call,
    google: Google,
    sent: Callable[[], int],
    database: Database,
    events_of: EventsOf,
) -> None:
    # That of `move_in` is none that KMS would know.
    database.admin("delete from workspace_keys where workspace_id = %(w)s", w=us.workspace.id)
    before = rows_of(database, us)
    asking = {"workspace": us.workspace, "role": operation.role, "headers": {"If-Match": "*"}}
    answer = call(operation.handler, *_request(operation, us, google), **asking)
    said = answer.body.decode()
    assert answer.status == 409 or operation.name == "POST /api/v1/graphql", said
    assert '"workspace_closing"' in said.replace(" ", ""), said
    assert rows_of(database, us) == before
    [row] = database.admin("select name from workspaces where id = %(w)s", w=us.workspace.id)
    assert row["name"] == us.mark
    assert len(events_of(us.workspace)) == 1


@pytest.mark.parametrize("operation", READS, ids=lambda one: one.name)
def test_owners_read_it_as_before(
    operation: Operation, us: Tenant, call: Call, outside: None, database: Database
) -> None:
    """The feed, exports, raw mails: whatever there is."""
    ids = {f"{kind}_id": identifier for kind, identifier in us.ids.items()}
    path = re.sub(r"{(\w+)}", lambda name: str(ids.get(name[1], uuid4())), operation.path)

    def ask() -> tuple[int, Any]:
        answer = call(operation.handler, "GET", path, workspace=us.workspace, role=operation.role)
        body = re.sub(rb'"(request_id|remaining|reset_s)": ?[^,}]+', b"", answer.body)
        return answer.status, re.sub(rb"X-Amz-[A-Za-z]+=[^&\"]+", b"", body)

    closing = ask()
    reopen(database, us)
    if operation.path in ("/api/v1/workspaces/current", "/api/v1/audit"):
        assert closing[0] == ask()[0] == 200  # they tell of it
    else:
        assert closing == ask()


def test_graphql_answers_queries(us: Tenant, call: Call) -> None:
    body = {"query": "{ contacts(first: 5) { edges { node { name } } } workspace { name } }"}
    answer = call(graphql, "POST", "/api/v1/graphql", body, workspace=us.workspace)
    assert answer.status == 200
    assert us.mark in answer.body.decode()
    assert "errors" not in answer.json


def test_searching_is_no_change(us: Tenant, call: Call) -> None:
    answer = call(contacts, "POST", "/api/v1/contacts/query", {}, workspace=us.workspace)
    assert (answer.status, len(answer.json["items"])) == (200, 1)


@pytest.mark.parametrize("role", ["crm_app", "crm_worker"])
def test_no_transaction_writes_whoevers_it_is(
    us: Tenant, as_role: Callable[[str], None], database: Database, role: str
) -> None:
    as_role(role)
    before = rows_of(database, us)
    for statement in (
        "update contacts set name = 'x' where workspace_id = %(workspace_id)s",
        "insert into inbox (workspace_id, consumer, event_id)"
        " values (%(workspace_id)s, 'x', gen_random_uuid())",
        "delete from webhook_deliveries where workspace_id = %(workspace_id)s",
        "select 1 from contacts where workspace_id = %(workspace_id)s for update",
    ):
        query: Any = statement
        with pytest.raises(WorkspaceClosing), transaction(us.workspace.id) as tx:
            tx.run(query)
    assert rows_of(database, us) == before


def test_no_transaction_makes_itself_one_that_does(
    us: Tenant, as_role: Callable[[str], None]
) -> None:
    """Postgres takes nothing back that was said at the beginning."""
    as_role("crm_worker")
    query = """
        select set_config('transaction_read_only', 'off', true) from contacts limit 1
    """
    with pytest.raises(ActiveSqlTransaction), transaction(us.workspace.id) as tx:
        tx.one(str, query)


def test_others_write_as_before(
    us: Tenant, database: Database, new_workspace: Callable[[], Workspace],
    as_role: Callable[[str], None],
) -> None:  # fmt: skip
    """On the same connection, right after it."""
    them = move_in(database, new_workspace)
    as_role("crm_worker")
    with pytest.raises(WorkspaceClosing), transaction(us.workspace.id) as tx:
        tx.run("update contacts set name = 'x'")
    with transaction(them.workspace.id) as tx:
        assert not tx.closing
        assert tx.run("update contacts set name = 'x'") == 1


# What works in the background


def _left(us: Tenant, heir: UUID) -> MemberLeft:
    return MemberLeft(workspace_id=us.workspace.id, aggregate_id=us.ids["member"], reassign_to=heir)


def test_a_consumer_lets_go_of_its_messages_and_gets_them_again(
    us: Tenant,
    call: Call,
    deliver: Deliver,
    database: Database,
    new_member: NewMember,
) -> None:
    """Else they would end among the dead letters; and where it is restored, be lost."""
    heir = new_member(us.workspace, "member")
    database.admin(
        """
        with gone as (
            update memberships set ended_at = now()
            where workspace_id = %(w)s and user_id = %(m)s
        )
        update contacts set owner_id = %(m)s where workspace_id = %(w)s
        """,
        w=us.workspace.id,
        m=us.ids["member"],
    )
    event = _left(us, heir.user_id)
    assert deliver(owners, event) == []

    def owner() -> UUID:
        query = "select owner_id from contacts where workspace_id = %(w)s"
        return database.admin(query, w=us.workspace.id)[0]["owner_id"]

    assert owner() == us.ids["member"]
    answer = call(workspaces, "POST", "/api/v1/workspaces/current/restore", workspace=us.workspace)
    assert answer.status == 200, answer.json
    assert deliver(owners, event) == []
    assert owner() == heir.user_id


def test_automations_stand_still(us: Tenant, deliver: Deliver, database: Database) -> None:
    before = rows_of(database, us)
    event = EmailAnalyzed(
        workspace_id=us.workspace.id,
        aggregate_id=us.ids["email"],
        mailbox_id=us.ids["mailbox"],
        direction="inbound",
        kind="human",
        sender=us.email,
        backfill=False,
        sentiment="negative",
        sentiment_score=-0.6,
        intent="complaint",
        reply_needed=True,
        entities=0,
        provider="local",
        model="rules-1",
    )
    assert deliver(automations, event) == []
    assert rows_of(database, us) == before
    reopen(database, us)
    assert deliver(automations, event) == []
    now = rows_of(database, us)
    assert [len(now[t]) - len(before[t]) for t in ("automation_runs", "tasks")] == [1, 1]


def test_no_look_up_finds_it(database: Database) -> None:
    functions = database.admin(
        """
        select p.proname as name, p.prosrc as source from pg_proc p
        where p.pronamespace = 'app'::regnamespace and p.proname like 'resolve%%'
        """
    )
    found = {one["name"] for one in functions}
    asking = {one["name"] for one in functions if re.search("is_closing|purge_at", one["source"])}
    assert found - asking == STILL.keys() - {"resolve_memberships", "resolve_due_purges"}


def test_its_mailboxes_and_receivers_are_left_alone(
    us: Tenant, database: Database, as_role: Callable[[str], None]
) -> None:
    database.admin(
        """
        with due as (
            update mail_ledger set state = 'pending', due_at = now() where workspace_id = %(w)s
        ), old as (
            update webhook_deliveries set state = 'pending', created_at = now() - interval '40 days'
            where workspace_id = %(w)s
        )
        update invitations set mail_state = 'waiting', mail_due_at = now() - interval '1 hour'
        where workspace_id = %(w)s
        """,
        w=us.workspace.id,
    )
    as_role("crm_worker")
    now = datetime.now(UTC)

    def found() -> list[set[UUID]]:
        asked: tuple[tuple[Any, dict[str, Any]], ...] = (
            ("app.resolve_mailbox(%(a)s)", {"a": us.email}),
            ("app.resolve_due_mailboxes(100000)", {}),
            ("app.resolve_quiet_mailboxes(%(now)s, 100000)", {"now": now}),
            ("app.resolve_expiring_watches(%(now)s, 100000)", {"now": now}),
            ("app.resolve_due_endpoints(100000)", {}),
            ("app.resolve_old_deliveries(%(now)s, 100000)", {"now": now}),
            ("app.resolve_due_invitations(%(now)s, 100000)", {"now": now}),
        )
        begin: Any = "select workspace_id from "
        return [set(resolve(UUID, begin + call, **given)) for call, given in asked]

    assert [us.workspace.id in ids for ids in found()] == [False] * 7
    reopen(database, us)
    assert [us.workspace.id in ids for ids in found()] == [True] * 7


def test_the_feed_goes_on_after_it_is_restored(us: Tenant, call: Call) -> None:
    read = "/api/v1/events?limit=200"
    before = call(gateway, "GET", read, workspace=us.workspace).json["items"]
    assert call(
        workspaces, "POST", "/api/v1/workspaces/current/restore", workspace=us.workspace
    ).status == 200  # fmt: skip
    after = call(gateway, "GET", read, workspace=us.workspace).json["items"]
    assert after[: len(before)] == before
    assert [one["type"] for one in after[len(before) :]] == ["WorkspaceRestored"]
