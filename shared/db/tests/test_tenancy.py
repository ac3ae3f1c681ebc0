"""Row-level security as crm_app meets it: one workspace at a time, and never a trace of another."""

from collections.abc import Callable
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from shared import db
from shared.access import EVERYTHING
from shared.db import Tx, connection
from shared.db.connection import connect
from shared.ids import uuid7
from shared.testing import Database, Workspace

Two = tuple[Workspace, Workspace]


@pytest.fixture
def two(as_role: Callable[[str], None], new_workspace: Callable[[], Workspace]) -> Two:
    """Two workspaces, each with a contact `ada@example.com`, and us as crm_app."""
    places = new_workspace(), new_workspace()
    for place in places:
        with db.transaction(place.id, access=EVERYTHING) as tx:
            _insert_contact(tx, "ada@example.com")
    return places


def _insert_contact(tx: Tx, email: str, workspace_id: UUID | None = None) -> UUID:
    contact_id = uuid7()
    tx.run(
        """
        insert into contacts (workspace_id, id, name, email)
        values (%(w)s, %(id)s, 'A', %(email)s)
        """,
        w=workspace_id or tx.workspace_id,
        id=contact_id,
        email=email,
    )
    return contact_id


def test_without_a_workspace_nothing_is_shown_and_nothing_can_be_written(
    two: Two, database: Database
) -> None:
    with connect(database.url("crm_app")) as bare:
        tables = ("contacts", "workspaces", "memberships", "feed", "event_log")
        for table in map(sql.Identifier, tables):
            found = bare.execute(sql.SQL("select count(*) from {}").format(table)).fetchone()
            assert found == (0,), table
        assert bare.execute("update contacts set name = 'x'").rowcount == 0
        with pytest.raises(InsufficientPrivilege, match="row-level security"):
            bare.execute(
                "insert into contacts (workspace_id, id, name) values (%s, %s, 'A')",
                (two[0].id, uuid7()),
            )


def test_each_workspace_sees_its_own_rows_only(two: Two) -> None:
    for place in two:
        with db.transaction(place.id, access=EVERYTHING) as tx:
            assert tx.all(UUID, "select workspace_id from contacts") == [place.id]
            assert tx.all(UUID, "select id from workspaces") == [place.id]
            assert tx.all(UUID, "select workspace_id from memberships") == [place.id]


def test_another_workspaces_rows_can_be_neither_made_nor_changed_nor_taken(two: Two) -> None:
    ours, theirs = two
    with (
        pytest.raises(InsufficientPrivilege, match="row-level"),
        db.transaction(ours.id, access=EVERYTHING) as tx,
    ):
        _insert_contact(tx, "eve@example.com", workspace_id=theirs.id)
    with db.transaction(ours.id, access=EVERYTHING) as tx:
        assert tx.run("update contacts set name = 'x' where workspace_id = %(w)s", w=theirs.id) == 0
    with (
        pytest.raises(InsufficientPrivilege, match="row-level"),
        db.transaction(ours.id, access=EVERYTHING) as tx,
    ):
        tx.run("update contacts set workspace_id = %(w)s", w=theirs.id)
    with (
        pytest.raises(InsufficientPrivilege, match="denied"),
        db.transaction(ours.id, access=EVERYTHING) as tx,
    ):
        tx.run("delete from contacts")  # nobody is granted it: contacts are marked deleted


def test_a_delete_reaches_no_other_workspace(
    two: Two, as_role: Callable[[str], None], database: Database
) -> None:
    ours, theirs = two
    database.admin(
        "insert into inbox (workspace_id, consumer, event_id) values (%(w)s, 'test', %(id)s)",
        w=theirs.id,
        id=uuid7(),
    )
    database.admin("grant delete on inbox to crm_app")
    try:
        with db.transaction(ours.id, access=EVERYTHING) as tx:
            assert tx.run("delete from inbox") == 0
    finally:
        database.admin("revoke delete on inbox from crm_app")


def test_a_foreign_key_cannot_point_into_another_workspace(
    two: Two, as_role: Callable[[str], None]
) -> None:
    ours, theirs = two
    as_role("crm_auth")
    with (
        pytest.raises(psycopg.errors.ForeignKeyViolation),
        db.transaction(ours.id, access=EVERYTHING) as tx,
    ):
        tx.run(
            """
            insert into sessions (workspace_id, id, user_id, expires_at)
            values (%(workspace_id)s, %(id)s, %(user)s, now())
            """,
            id=uuid7(),
            user=theirs.user_id,
        )


def test_what_another_workspace_has_is_never_a_duplicate(two: Two) -> None:
    ours, theirs = two
    with db.transaction(theirs.id, access=EVERYTHING) as tx:
        only_theirs = _insert_contact(tx, "only@example.com")
    with db.transaction(ours.id, access=EVERYTHING) as tx:
        _insert_contact(tx, "only@example.com")
        assert tx.run(
            """
            insert into contacts (workspace_id, id, name) values (%(workspace_id)s, %(id)s, 'A')
            on conflict do nothing
            """,
            id=only_theirs,
        )


def test_a_unique_error_repeats_no_row(two: Two) -> None:
    with (
        pytest.raises(psycopg.errors.UniqueViolation) as error,
        db.transaction(two[0].id, access=EVERYTHING) as tx,
    ):
        _insert_contact(tx, "ada@example.com")
    assert error.value.diag.message_detail is None  # Postgres says it where no policy is in force
    assert "ada@example.com" not in str(error.value)


def test_a_back_fill_as_the_migrator_reaches_every_workspace(two: Two, database: Database) -> None:
    ids = [place.id for place in two]
    with connect(database.url("crm_migrator")) as migrator:
        done = migrator.execute(
            "update contacts set job_title = 'filled' where workspace_id = any(%s)", (ids,)
        )
        assert done.rowcount == 2
        with migrator.transaction():  # forced, the policy binds even the tables' owner
            migrator.execute("set local role crm_owner")
            assert migrator.execute("update contacts set job_title = 'x'").rowcount == 0


def test_a_connection_used_for_one_workspace_leaks_nothing_to_the_next(two: Two) -> None:
    ours, theirs = two
    opened = connection.connection()
    for place in (ours, theirs, ours):
        with db.transaction(place.id, user_id=place.user_id, access=EVERYTHING) as tx:
            assert tx.all(UUID, "select workspace_id from contacts") == [place.id]
        assert connection.connection() is opened
        for name in ("app.workspace_id", "app.user_id"):
            assert opened.execute("select current_setting(%s, true)", (name,)).fetchone() == ("",)
        assert opened.execute("select count(*) from contacts").fetchone() == (0,)


def test_a_rolled_back_transaction_leaks_nothing_either(two: Two) -> None:
    with pytest.raises(ZeroDivisionError), db.transaction(two[0].id, access=EVERYTHING):
        raise ZeroDivisionError
    left = connection.connection().execute("select current_setting('app.workspace_id', true)")
    assert left.fetchone() == ("",)


def test_nothing_is_ever_prepared_on_the_server(two: Two) -> None:
    for _ in range(20):
        with db.transaction(two[0].id, access=EVERYTHING) as tx:
            tx.all(UUID, "select id from contacts where email = %(email)s", email="ada@example.com")
    prepared = connection.connection().execute("select count(*) from pg_prepared_statements")
    assert prepared.fetchone() == (0,)
    assert connection.connection().prepare_threshold is None
