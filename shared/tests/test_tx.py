"""Transactions: what a savepoint undoes, who acts, how a workspace is opened."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
import pytest

from events.contacts import ContactCreated
from shared import db, outbox
from shared.access import EVERYTHING
from shared.db import Tx
from shared.ids import uuid7
from shared.tenancy import open_workspace
from shared.testing import EventsOf, Workspace


@pytest.fixture(autouse=True)
def _signed_in(as_role: Callable[[str], None]) -> None:
    """Every transaction here is opened by the test itself, as crm_app."""


def _write(tx: Tx, name: str) -> UUID:
    contact_id = uuid7()
    tx.run(
        """
        insert into contacts (workspace_id, id, name) values (%(workspace_id)s, %(id)s, %(name)s)
        """,
        id=contact_id,
        name=name,
    )
    tx.emit(
        ContactCreated(
            workspace_id=tx.workspace_id,
            actor=tx.actor,
            aggregate_id=contact_id,
            email=None,
            name=name,
        )
    )
    return contact_id


def _write_and_fail(tx: Tx, name: str, *, nested: str | None = None) -> None:
    with tx.savepoint():
        if nested:
            with tx.savepoint():
                _write(tx, nested)
        _write(tx, name)
        raise ValueError("half way")


def _fail_in_transaction(workspace: Workspace) -> None:
    with db.transaction(workspace.id, access=EVERYTHING) as tx:
        with tx.savepoint():
            _write(tx, "inside")
        raise ValueError("later")


def _fail_acting_as(tx: Tx, actor: str) -> None:
    with tx.acting_as(actor):
        raise ValueError(tx.actor)


def _names(workspace: Workspace) -> list[str]:
    with db.transaction(workspace.id, access=EVERYTHING) as tx:
        return tx.all(
            str, "select name from contacts where workspace_id = %(workspace_id)s order by id"
        )


def _emitted(events: list[dict[str, Any]]) -> list[str]:
    return [event["payload"]["name"] for event in events]


def test_a_failed_savepoint_undoes_its_rows_and_events_alone(
    workspace: Workspace, events_of: EventsOf
) -> None:
    with db.transaction(workspace.id, access=EVERYTHING) as tx:
        _write(tx, "before")
        with pytest.raises(ValueError, match="half way"):
            _write_and_fail(tx, "inside")
        _write(tx, "after")
    assert _names(workspace) == ["before", "after"]
    assert _emitted(events_of(workspace)) == ["before", "after"]
    assert [event["position"] for event in events_of(workspace)] == [1, 2]


def test_a_savepoint_that_ends_well_keeps_everything(
    workspace: Workspace, events_of: EventsOf
) -> None:
    with db.transaction(workspace.id, access=EVERYTHING) as tx:
        with tx.savepoint():
            _write(tx, "inside")
        _write(tx, "after")
    assert _names(workspace) == ["inside", "after"]
    assert _emitted(events_of(workspace)) == ["inside", "after"]


def test_savepoints_nest(workspace: Workspace, events_of: EventsOf) -> None:
    with db.transaction(workspace.id, access=EVERYTHING) as tx, tx.savepoint():
        _write(tx, "outer")
        with pytest.raises(ValueError, match="half way"):
            _write_and_fail(tx, "inner", nested="innermost")
    assert _names(workspace) == ["outer"]
    assert _emitted(events_of(workspace)) == ["outer"]


def test_after_a_database_error_in_a_savepoint_the_transaction_goes_on(
    workspace: Workspace, events_of: EventsOf
) -> None:
    with db.transaction(workspace.id, access=EVERYTHING) as tx:
        with pytest.raises(psycopg.errors.CheckViolation), tx.savepoint():
            _write(tx, "")
        _write(tx, "after")
    assert _names(workspace) == ["after"]
    assert _emitted(events_of(workspace)) == ["after"]


def test_a_savepoint_that_ended_well_is_undone_with_its_transaction(
    workspace: Workspace, events_of: EventsOf
) -> None:
    with pytest.raises(ValueError, match="later"):
        _fail_in_transaction(workspace)
    assert _names(workspace) == []
    assert events_of(workspace) == []


def test_the_actor_changes_for_a_block_only(workspace: Workspace) -> None:
    with db.transaction(workspace.id, user_id=workspace.user_id, access=EVERYTHING) as tx:
        person = tx.actor
        with tx.acting_as("automation:1"):
            assert tx.actor == "automation:1"
        assert tx.actor == person
        with pytest.raises(ValueError, match="automation:2"):
            _fail_acting_as(tx, "automation:2")
        assert tx.actor == person == f"user:{workspace.user_id}"


def _open_workspace(tx: Tx, workspace_id: UUID, *, fail: bool = False) -> None:
    with tx.opening(workspace_id) as inside:
        assert (inside.workspace_id, inside.user_id) == (workspace_id, tx.user_id)
        assert tx.user_id
        open_workspace(inside, "Beside", tx.user_id)
        if fail:
            raise ValueError("half way")


def _open_workspace_and_fail(tx: Tx, workspace_id: UUID) -> None:
    with tx.savepoint():
        _open_workspace(tx, workspace_id)
        raise ValueError("later")


def test_a_workspace_is_opened_from_inside_and_commits_with_the_rest(
    workspace: Workspace, events_of: EventsOf
) -> None:
    made = Workspace(uuid7(), workspace.user_id)
    with db.transaction(workspace.id, user_id=workspace.user_id, access=EVERYTHING) as tx:
        _write(tx, "before")
        _open_workspace(tx, made.id)
        _write(tx, "after")
    assert (_names(workspace), _names(made)) == (["before", "after"], [])
    assert _emitted(events_of(workspace)) == ["before", "after"]
    [event] = events_of(made)
    assert (event["type"], event["position"]) == ("WorkspaceCreated", 1)
    waiting = [(one.workspace_id, one.type_name()) for one in outbox._committed]  # pyright: ignore[reportPrivateUsage]
    assert sorted(waiting) == sorted(
        [(workspace.id, "ContactCreated")] * 2 + [(made.id, "WorkspaceCreated")]
    )


@pytest.mark.parametrize("attempt", [partial(_open_workspace, fail=True), _open_workspace_and_fail])
def test_a_workspace_whose_opening_fails_leaves_nothing_and_the_transaction_in_its_own(
    workspace: Workspace, events_of: EventsOf, attempt: Callable[[Tx, UUID], None]
) -> None:
    made = Workspace(uuid7(), workspace.user_id)
    with db.transaction(workspace.id, user_id=workspace.user_id, access=EVERYTHING) as tx:
        with pytest.raises(ValueError, match=r"half way|later"):
            attempt(tx, made.id)
        _write(tx, "after")
    assert (_names(workspace), events_of(made)) == (["after"], [])
    assert [event.type_name() for event in outbox._committed] == ["ContactCreated"]  # pyright: ignore[reportPrivateUsage]


def test_a_workspace_that_exists_cannot_be_opened(
    workspace: Workspace, new_workspace: Callable[[], Workspace]
) -> None:
    for other in (new_workspace().id, workspace.id):
        with db.transaction(workspace.id, user_id=workspace.user_id, access=EVERYTHING) as tx:
            with pytest.raises(ValueError, match="does not exist"):
                _open_workspace(tx, other)
            assert tx.one(str, "select current_setting('app.workspace_id')") == str(workspace.id)


def test_a_transaction_inside_another_is_refused_and_the_outer_one_stays_whole(
    new_workspace: Callable[[], Workspace],
) -> None:
    outer, inner = new_workspace(), new_workspace()
    with db.transaction(outer.id, access=EVERYTHING) as tx:
        with (
            pytest.raises(RuntimeError, match="open already"),
            db.transaction(inner.id, access=EVERYTHING),
        ):
            pytest.fail("a second transaction began")
        seen = tx.one(str, "select current_setting('app.workspace_id')")
        assert seen == str(outer.id)
