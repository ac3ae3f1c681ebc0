"""What the database lets happen to a person's data, and that no table is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from functions.auth.tests.test_erasure import token
from shared.db import transaction
from shared.testing import Database

__all__ = ["token"]


@pytest.mark.parametrize("statement", ["app.redact_person(%(u)s, 'x')", "app.forget_person(%(u)s)"])
def test_nobody_is_redacted_who_did_not_ask(
    token: dict[str, Any], as_role: Callable[[str], None], statement: str
) -> None:
    as_role("crm_auth")
    query: Any = f"select {statement}"
    with (
        pytest.raises(InsufficientPrivilege, match="not being erased"),
        transaction(UUID(token["workspace_id"])) as tx,
    ):
        tx.run(query, u=UUID(token["user_id"]))


@pytest.mark.parametrize("role", ["crm_app", "crm_worker", "crm_outbox"])
def test_nor_by_anybody_else(database: Database, role: str) -> None:
    for statement in ("app.redact_person(app.uuid7(), 'x')", "app.forget_person(app.uuid7())"):
        query: Any = f"select {statement}"
        with (
            psycopg.connect(database.url(role)) as connection,
            pytest.raises(InsufficientPrivilege),
        ):
            connection.execute(query)


KEPT: dict[str, str] = {
    "api_keys": "revoked; what was done by them has their id",
    "automations": "act within what their maker may do, so not at all any more",
    "mailboxes": "their mails are the workspace's",
    "memberships": "ended; what the person made refers to it",
    "webhook_endpoints": "is the workspace's; tells what its maker may read, so nothing any more",
}
DELETED = {"refresh_tokens", "sessions", "socket_tickets", "sso_identities", "team_members"}


def test_every_table_that_names_people_is_thought_of(database: Database) -> None:
    """Tables of people are emptied by themselves if `crm_purger` may; those of workspaces are
    deleted from, or keep an id and say why.
    """
    rows = database.admin(
        """
        select c.relname as name, has_table_privilege('crm_purger', c.oid, 'SELECT, DELETE') as may,
            exists (select from pg_attribute w where w.attrelid = c.oid
                and w.attname = 'workspace_id') as of_workspace
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'user_id'
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
            and not c.relispartition
        """
    )
    of_people = {row["name"] for row in rows if not row["of_workspace"]} - {"account_erasures"}
    assert of_people >= {"account_mails", "totp_factors", "external_identities"}
    assert [row["name"] for row in rows if row["name"] in of_people and not row["may"]] == []
    of_workspaces = {row["name"] for row in rows if row["of_workspace"]}
    assert of_workspaces - DELETED == KEPT.keys()
