"""The role that erases may do that, and not much else."""

from __future__ import annotations

from typing import LiteralString

import pytest
from psycopg.errors import InsufficientPrivilege

from functions.privacy.tests.conftest import Desk
from shared.access import EVERYTHING
from shared.db import transaction
from shared.testing import Workspace

LOGS = ("update audit_log set after = '{}'", "update event_log set payload = payload || '{}'")


@pytest.mark.parametrize("statement", LOGS)
def test_it_writes_in_the_logs_of_nothing_that_is_not_erased(
    desk: Desk, statement: LiteralString
) -> None:
    contact, other = desk.contact(), desk.contact(email="other@example.com")
    desk.as_role("crm_eraser")
    with transaction(desk.workspace.id) as tx:
        assert tx.run(statement) == 0
    request = desk.ask("erasure", contact_id=contact["id"]).json
    desk.database.admin(
        """
        insert into privacy_erased (workspace_id, record_id, request_id, object)
        values (%(w)s, %(contact)s::uuid, %(request)s::uuid, 'contacts')
        """,
        w=desk.workspace.id,
        contact=contact["id"],
        request=request["id"],
    )
    desk.as_role("crm_eraser")
    with transaction(desk.workspace.id) as tx:
        assert tx.run(statement) == 1
    shown = desk.database.admin(
        "select count(*) as n from audit_log where object_id = %(id)s::uuid and after <> '{}'",
        id=other["id"],
    )
    assert shown == [{"n": 1}]


@pytest.mark.parametrize(
    "statement",
    [
        "update contacts set name = 'x'",
        "insert into contacts (workspace_id, id, name) values (%(workspace_id)s, app.uuid7(), 'x')",
        "delete from event_log",
        "delete from audit_log",
        "update audit_log set actor = 'x'",
        "update event_log set type = 'x'",
        "delete from mail_ledger",
        "delete from privacy_requests",
        "select credentials from mailboxes",
        "select secret from webhook_endpoints",
        "select email from users",
        "select 1 from sessions",
    ],
)
def test_it_may_do_nothing_else(
    as_role: object, desk: Desk, workspace: Workspace, statement: LiteralString
) -> None:
    desk.as_role("crm_eraser")
    with (
        pytest.raises(InsufficientPrivilege),
        transaction(workspace.id, access=EVERYTHING) as tx,
    ):
        tx.run(statement)


@pytest.mark.parametrize("role", ["crm_app", "crm_worker", "crm_auth", "crm_outbox"])
@pytest.mark.parametrize(
    "statement",
    [
        "delete from contacts",
        "delete from emails",
        "update privacy_requests set claim = app.uuid7()",
        "insert into privacy_erased (workspace_id, record_id, request_id, object)"
        " values (%(workspace_id)s, app.uuid7(), app.uuid7(), 'x')",
        "update event_log set payload = '{}'",
        "select names from privacy_requests",
    ],
)
def test_nobody_else_may_do_what_it_may(
    desk: Desk, workspace: Workspace, role: str, statement: LiteralString
) -> None:
    desk.as_role(role)
    with (
        pytest.raises(InsufficientPrivilege),
        transaction(workspace.id, access=EVERYTHING) as tx,
    ):
        tx.run(statement)
