"""Transactions of no workspace: they show nothing but to roles that have a policy for it."""

from collections.abc import Callable
from uuid import UUID

import psycopg
import pytest

from events.contacts import ContactCreated, ContactDeleted
from shared import db, outbox
from shared.ids import uuid7
from shared.testing import EventsOf, Workspace


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


def test_it_enters_workspaces_one_after_the_other_and_commits_all_at_once(
    as_role: Callable[[str], None], new_workspace: Callable[[], Workspace], events_of: EventsOf
) -> None:
    as_role("crm_worker")
    places = sorted((new_workspace(), new_workspace()), key=lambda place: place.id)
    with db.system_transaction("system:test") as tx:
        for place in places:
            with tx.entering(place.id) as inside:
                assert inside.all(UUID, "select id from workspaces") == [place.id]
                inside.emit(ContactDeleted(**inside.envelope(uuid7()), email=None))
            assert tx.all(UUID, "select id from workspaces") == []
        assert [events_of(place) for place in places] == [[], []], "not yet"
    for place in places:
        [event] = events_of(place)
        assert (event["payload"]["actor"], event["position"]) == ("system:test", 1)
    kept = outbox._committed  # pyright: ignore[reportPrivateUsage] -- what is to be published
    assert {event.workspace_id for event in kept} == {place.id for place in places}


def test_what_fails_in_one_of_them_happens_in_none(
    as_role: Callable[[str], None], new_workspace: Callable[[], Workspace], events_of: EventsOf
) -> None:
    as_role("crm_worker")
    places = sorted((new_workspace(), new_workspace()), key=lambda place: place.id)
    with pytest.raises(ZeroDivisionError):
        _enter_and_fail(places)
    assert [events_of(place) for place in places] == [[], []]
    with db.system_transaction("system:test") as tx:
        with pytest.raises(ZeroDivisionError):
            _enter_one_and_fail(tx, places[0])
        with tx.entering(places[1].id) as inside:
            inside.emit(ContactDeleted(**inside.envelope(uuid7()), email=None))
    assert [len(events_of(place)) for place in places] == [0, 1]


def test_a_transaction_of_a_workspace_enters_no_other(
    as_role: Callable[[str], None], new_workspace: Callable[[], Workspace]
) -> None:
    ours, theirs = new_workspace(), new_workspace()
    with (
        pytest.raises(ValueError, match="of no workspace"),
        db.transaction(ours.id) as tx,
        tx.entering(theirs.id),
    ):
        pass


def _enter_and_fail(places: list[Workspace]) -> None:
    with db.system_transaction("system:test") as tx:
        for place in places:
            with tx.entering(place.id) as inside:
                inside.emit(ContactDeleted(**inside.envelope(uuid7()), email=None))
        raise ZeroDivisionError


def _enter_one_and_fail(tx: db.Tx, place: Workspace) -> None:
    with tx.entering(place.id) as inside:
        inside.emit(ContactDeleted(**inside.envelope(uuid7()), email=None))
        raise ZeroDivisionError


def _delete(tx: db.Tx, workspace: Workspace) -> int:
    return tx.run("delete from outbox where workspace_id = %(id)s", id=workspace.id)


def _delete_and_fail(workspace: Workspace) -> None:
    with db.system_transaction("test") as tx:
        assert _delete(tx, workspace) == 1
        raise ZeroDivisionError


def _event(place: Workspace) -> ContactCreated:
    return ContactCreated(workspace_id=place.id, aggregate_id=uuid7(), email=None, name="Ada")
