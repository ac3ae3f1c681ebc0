"""Transactions of no workspace: they show nothing but to roles that have a policy for it."""

from collections.abc import Callable

import psycopg
import pytest

from events.contacts import ContactCreated
from shared import db
from shared.ids import uuid7
from shared.testing import Workspace


def test_the_app_sees_and_writes_nothing_in_it(
    as_role: Callable[[str], None], workspace: Workspace
) -> None:
    with db.system_transaction("test") as tx:
        assert tx.all(str, "select name from workspaces") == []
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        db.system_transaction("test") as tx,
    ):
        tx.run("insert into feed (workspace_id) values (%(id)s)", id=workspace.id)


def test_a_role_with_a_policy_of_its_own_works_across_workspaces(
    as_role: Callable[[str], None], new_workspace: Callable[[], Workspace]
) -> None:
    places = [new_workspace(), new_workspace()]
    for place in places:
        as_role("crm_app")
        with db.transaction(place.id) as tx:
            tx.emit(_event(place))
    as_role("crm_outbox")
    ids = [place.id for place in places]
    with db.system_transaction("test") as tx:
        found = tx.all(int, "select 1 from outbox where workspace_id = any(%(ids)s)", ids=ids)
    assert len(found) == 2


def test_it_is_undone_where_the_block_raises(
    as_role: Callable[[str], None], workspace: Workspace
) -> None:
    with db.transaction(workspace.id) as tx:
        tx.emit(_event(workspace))
    as_role("crm_outbox")
    with pytest.raises(ZeroDivisionError):
        _delete_and_fail(workspace)
    with db.system_transaction("test") as tx:
        assert _delete(tx, workspace) == 1


def test_it_can_emit_nothing(as_role: Callable[[str], None], workspace: Workspace) -> None:
    with pytest.raises(ValueError, match="workspace"), db.system_transaction("test") as tx:
        tx.emit(_event(workspace))


def _delete(tx: db.Tx, workspace: Workspace) -> int:
    return tx.run("delete from outbox where workspace_id = %(id)s", id=workspace.id)


def _delete_and_fail(workspace: Workspace) -> None:
    with db.system_transaction("test") as tx:
        assert _delete(tx, workspace) == 1
        raise ZeroDivisionError


def _event(place: Workspace) -> ContactCreated:
    return ContactCreated(workspace_id=place.id, aggregate_id=uuid7(), email=None, name="Ada")
