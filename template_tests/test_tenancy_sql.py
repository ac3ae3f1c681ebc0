"""Workspaces never see each other through SQL: every table, partition, key and function there is.

Nothing is listed here: tables, constraints and functions come from Postgres' own catalogue, so one
that a migration adds is tried as well.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege, UniqueViolation
from psycopg.rows import dict_row

from shared.access import EVERYTHING
from shared.db.connection import connect
from shared.testing import Database, Workspace
from template_tests.tenants import Tenant, move_in, rows_of, tenant_tables

ROLES = ("crm_app", "crm_worker", "crm_auth", "crm_eraser")
ONLY_OUTBOX = "it takes ids of the caller's own committed events, of whichever workspaces they were"
OF_ONES_OWN = {
    "name_members",
    "find_member",
    "publish_again",
    "purge_rows",
    "finish_purge",
    "redact_person",
    "redact_acts",
}
"""They tell of the transaction's own workspace alone, or work on it."""
OF_AN_ID = {"is_closing", "is_erased", "forget_person"}
"""They say yes or no of an id, or nothing at all: whoever is to be forgotten has asked for it."""
Open = Callable[..., Any]


@pytest.fixture
def us(database: Database, new_workspace: Callable[[], Workspace]) -> Tenant:
    return move_in(database, new_workspace)


@pytest.fixture
def them(database: Database, new_workspace: Callable[[], Workspace]) -> Tenant:
    return move_in(database, new_workspace)


@pytest.fixture
def acting(database: Database) -> Open:
    """A transaction as a role, in a workspace or in none; rolled back."""

    @contextmanager
    def opened(role: str, tenant: Tenant | None) -> Iterator[psycopg.Connection[Any]]:
        with connect(database.url(role), row_factory=dict_row) as connection:
            connection.execute("begin")
            if tenant is not None:
                place = tenant.workspace
                given = (place.id, place.user_id, str(EVERYTHING))
                connection.execute("select app.begin_request(%s, %s, %s)", given)
            yield connection
            connection.execute("rollback")

    return opened


def refused(connection: psycopg.Connection[Any], query: Any, *given: Any) -> str | None:
    """Why a statement is refused, by SQLSTATE; None where it is not. The transaction goes on."""
    try:
        with connection.transaction():
            connection.execute(query, given)
    except psycopg.Error as error:
        return error.sqlstate
    return None


def asked(connection: psycopg.Connection[Any], query: Any, *given: Any) -> list[dict[str, Any]]:
    """The rows of a query; none where the role may not ask it."""
    try:
        with connection.transaction():
            return connection.execute(query, given).fetchall()
    except InsufficientPrivilege:
        return []


def select(table: str) -> Any:
    return sql.SQL("select to_jsonb(t) as row from {} t").format(sql.Identifier(table))


EXPIRING: dict[str, LiteralString] = {
    "inbox": "seen_at < now() - interval '30 days'",
    "idempotency_keys": "created_at <= now() - interval '24 hours'",
}
"""What crm_outbox may see in order to delete it."""


@pytest.mark.parametrize("role", [*ROLES, "crm_outbox"])
def test_without_a_workspace_there_is_nothing(
    role: str, us: Tenant, them: Tenant, acting: Open, database: Database
) -> None:
    """crm_outbox works across workspaces, on the tables that it must and on what has expired, and
    on nothing else.
    """
    across = {"outbox", "event_log"} if role == "crm_outbox" else set[str]()
    expiring = EXPIRING if role == "crm_outbox" else {}

    def shown(connection: psycopg.Connection[Any]) -> set[str]:
        for table, expired in expiring.items():
            alive = sql.SQL("{} where not ({})").format(select(table), sql.SQL(expired))
            assert asked(connection, alive) == [], table
        return {
            t for t in tenant_tables(database) - expiring.keys() if asked(connection, select(t))
        }

    with acting(role, None) as connection:
        assert shown(connection) == across
        assert refused(connection, "select app.begin_request(null, null)") is None
        assert shown(connection) == across


@pytest.mark.parametrize("role", ROLES)
def test_a_workspace_sees_its_own_rows_alone(
    role: str, us: Tenant, them: Tenant, acting: Open, database: Database
) -> None:
    seen: set[str] = set()
    with acting(role, us) as connection:
        for table in tenant_tables(database):
            rows = asked(connection, select(table))
            assert them.seen_in(json.dumps(rows)) == [], table
            assert {row["row"]["workspace_id"] for row in rows} <= {str(us.workspace.id)}, table
            seen |= {table} if rows else set()
        for mine in asked(connection, select("workspaces")):
            assert mine["row"]["id"] == str(us.workspace.id)
    assert seen
    if role == "crm_worker":
        assert {"emails", "email_bodies", "mail_ledger", "contacts"} <= seen


@pytest.mark.parametrize("role", ROLES)
def test_naming_their_workspace_changes_nothing(
    role: str, us: Tenant, them: Tenant, acting: Open, database: Database
) -> None:
    with acting(role, us) as connection:
        for table in tenant_tables(database):
            for condition in (
                "workspace_id = %s",
                "workspace_id::text = %s",
                "%s::text is not null",
            ):
                query = select(table) + sql.SQL(f" where {condition}")  # pyright: ignore[reportArgumentType]
                rows = asked(connection, query, str(them.workspace.id))
                assert them.seen_in(json.dumps(rows)) == [], table


@pytest.mark.parametrize("role", ROLES)
def test_their_rows_can_be_neither_changed_nor_taken_nor_added_to(
    role: str, us: Tenant, them: Tenant, acting: Open, database: Database
) -> None:
    before = rows_of(database, them)
    with acting(role, us) as connection:
        for table in tenant_tables(database):
            name = sql.Identifier(table)
            for statement in (
                "update {} set workspace_id = workspace_id where workspace_id = %s",
                "delete from {} where workspace_id = %s",
            ):
                query = sql.SQL(statement).format(name)
                try:
                    with connection.transaction():
                        touched = connection.execute(query, (them.workspace.id,)).rowcount
                except InsufficientPrivilege:
                    touched = 0
                assert touched == 0, (table, statement)
            give_away = sql.SQL("update {} set workspace_id = %s").format(name)
            assert refused(connection, give_away, them.workspace.id) == "42501", table
            copied = _copy(database, table)
            for row in before[table]:
                assert refused(connection, copied, row) == "42501", table
        connection.execute("commit")
        connection.execute("begin")
    assert rows_of(database, them) == before


def partitions(database: Database) -> list[str]:
    rows = database.admin(
        """
        select relname as name from pg_class
        where relispartition and relkind = 'r' and relnamespace = 'public'::regnamespace
        """
    )
    return [row["name"] for row in rows]


@pytest.mark.parametrize("role", [*ROLES, "crm_outbox"])
def test_no_partition_can_be_asked_directly(
    role: str, us: Tenant, them: Tenant, acting: Open, database: Database
) -> None:
    names = partitions(database)
    assert len(names) > 10
    with acting(role, us) as connection:
        for name in map(sql.Identifier, names):
            for statement in ("select from {}", "delete from {}", "insert into {} default values"):
                assert refused(connection, sql.SQL(statement).format(name)) == "42501", name


def foreign_keys(database: Database) -> list[dict[str, Any]]:
    """Every foreign key between tables of workspaces: its columns, and those it points to."""
    return database.admin(
        """
        select k.conname as name, k.conrelid::regclass::text as child,
            k.confrelid::regclass::text as parent,
            array(select attname::text from unnest(k.conkey) with ordinality as c (n, o)
                join pg_attribute on attrelid = k.conrelid and attnum = c.n order by o) as columns,
            array(select attname::text from unnest(k.confkey) with ordinality as c (n, o)
                join pg_attribute on attrelid = k.confrelid and attnum = c.n order by o) as targets
        from pg_constraint k
        join pg_class c on c.oid = k.conrelid and not c.relispartition
        where k.contype = 'f' and k.conparentid = 0
            and k.connamespace = 'public'::regnamespace
            and k.confrelid not in ('public.workspaces'::regclass, 'public.users'::regclass)
        """
    )


def test_no_foreign_key_reaches_into_another_workspace(
    us: Tenant, them: Tenant, database: Database
) -> None:
    """Even a superuser, whom no policy binds, cannot make one of our rows point to theirs."""
    ours, theirs = rows_of(database, us), rows_of(database, them)
    keys = [key for key in foreign_keys(database) if key["child"] in ours]
    assert len(keys) > 10
    with psycopg.connect(database.server.url(database=database.name)) as admin:
        for key in keys:
            rows = [json.loads(row) for row in ours[key["child"]]]
            named = [row for row in rows if all(row[one] is not None for one in key["columns"])]
            child, parent = (named or rows)[0], json.loads(theirs[key["parent"]][0])
            for column, target in zip(key["columns"], key["targets"], strict=True):
                if column != "workspace_id":
                    child[column] = parent[target]
            columns = [one for one in key["columns"] if one != "workspace_id"]
            # Where some rows name nothing, they may not: as only custom roles are named.
            named_one = sql.SQL(" and {} is not null").format(sql.Identifier(columns[-1]))
            change = sql.SQL("update {} set {} where workspace_id = %s{}").format(
                sql.Identifier(key["child"]),
                sql.SQL(", ").join(
                    sql.SQL("{} = {}").format(sql.Identifier(one), sql.Literal(child[one]))
                    for one in columns
                ),
                named_one if named else sql.SQL(""),
            )
            # As an update: refused by this key, unless another one is looked at first.
            assert refused(admin, change, us.workspace.id) == "23503", key["name"]
        admin.rollback()


def test_no_unique_value_of_theirs_is_taken_for_us(
    us: Tenant, them: Tenant, database: Database
) -> None:
    """Every row of theirs fits into our workspace as it is: so no error tells that they have it."""
    theirs = rows_of(database, them)
    for table in tenant_tables(database):
        database.admin(_delete(table), w=us.workspace.id)
    with psycopg.connect(database.server.url(database=database.name)) as admin:
        admin.execute("set session_replication_role = replica")  # foreign keys are not the question
        for table, rows in theirs.items():
            copied = _copy(database, table)
            for row in rows:
                ours = json.loads(row) | {"workspace_id": str(us.workspace.id)}
                try:
                    admin.execute(copied, (json.dumps(ours),))
                except UniqueViolation as error:
                    pytest.fail(f"{table}: {error}")
        admin.rollback()


def _copy(database: Database, table: str) -> Any:
    """Inserts a row that is given as JSON: all of its columns, but those that are generated."""
    rows = database.admin(
        """
        select attname as name from pg_attribute
        where attrelid = %(table)s::regclass and attnum > 0 and not attisdropped
            and attgenerated = ''
        """,
        table=f"public.{table}",
    )
    columns = sql.SQL(", ").join(sql.Identifier(row["name"]) for row in rows)
    return sql.SQL(
        "insert into {0} ({1}) select {1} from jsonb_populate_record(null::{0}, %s::jsonb)"
    ).format(sql.Identifier(table), columns)


def _delete(table: str) -> Any:
    """Triggers off, so that the order of the tables does not matter."""
    return sql.SQL(
        "with off as (select set_config('session_replication_role', 'replica', true)) "
        "delete from {} using off where workspace_id = %(w)s"
    ).format(sql.Identifier(table))


def functions(database: Database, role: str) -> list[dict[str, Any]]:
    """The functions that run as somebody else and that a role may call."""
    return database.admin(
        """
        select p.oid::regprocedure::text as signature, p.proname as name,
            pg_get_function_result(p.oid) as result, p.proowner::regrole::text as owner
        from pg_proc p
        where p.prosecdef and has_function_privilege(%(role)s, p.oid, 'execute')
            and has_schema_privilege(%(role)s, p.pronamespace, 'usage')
        """,
        role=role,
    )


@pytest.mark.parametrize("role", [*ROLES, "crm_outbox"])
def test_functions_that_look_across_workspaces_give_ids_only(role: str, database: Database) -> None:
    found = [one for one in functions(database, role) if one["name"] not in OF_ONES_OWN | OF_AN_ID]
    for function in found:
        assert function["owner"] in ("crm_resolver", "crm_owner", "crm_search")
        columns = function["result"].removeprefix("TABLE(").removesuffix(")").split(", ")
        told = {one.split(" ")[0] for one in columns}
        assert told <= {
            "workspace_id",
            "mailbox_id",
            "endpoint_id",
            "session_id",
            "address",
            "role",
            "integer",
            "invitation_id",
            "request_id",
        }, function
    names = {function["name"] for function in found}
    if role in ("crm_app", "crm_outbox"):
        assert names == {"forget_published"}, ONLY_OUTBOX
    assert not any(name.startswith("resolve") for name in names) or role in (
        "crm_worker",
        "crm_auth",
        "crm_eraser",
    )


def test_names_are_told_of_ones_own_members_alone(us: Tenant, them: Tenant, acting: Open) -> None:
    people = [us.workspace.user_id, them.workspace.user_id, them.ids["member"]]
    with acting("crm_app", us) as connection:
        named = asked(connection, "select user_id from app.name_members(%s::uuid[])", people)
        assert named == [{"user_id": us.workspace.user_id}]
        for tenant, expected in ((us, [{"user_id": us.workspace.user_id}]), (them, [])):
            found = asked(connection, "select user_id from app.find_member(%s)", tenant.email)
            assert found == expected
    with acting("crm_app", None) as connection:
        assert asked(connection, "select user_id from app.name_members(%s::uuid[])", people) == []
    for role in ("crm_worker", "crm_auth"):
        with acting(role, us) as connection:
            assert refused(connection, "select app.name_members(%s::uuid[])", people) == "42501"


def test_publishing_forgets_only_what_is_named_by_both_ids(
    us: Tenant, them: Tenant, acting: Open
) -> None:
    event = them.other_ids["event"]
    with acting("crm_app", us) as connection:
        forget = "select app.forget_published(%s::uuid[], %s::uuid[])"
        guessed = connection.execute(forget, ([us.workspace.id], [event])).fetchone()
        assert guessed == {"forget_published": 0}


@pytest.mark.parametrize("role", ROLES)
def test_errors_repeat_no_row_of_theirs(
    role: str, us: Tenant, them: Tenant, acting: Open, database: Database
) -> None:
    with acting(role, us) as connection:
        for table, rows in rows_of(database, them).items():
            ours = json.loads(rows[0]) | {"workspace_id": str(us.workspace.id)}
            values = sql.SQL(
                "insert into {0} select (jsonb_populate_record(null::{0}, %s::jsonb)).*"
            ).format(sql.Identifier(table))
            given = {"workspace_id": ours["workspace_id"]}  # everything else is missing
            try:
                with connection.transaction():
                    connection.execute(values, (json.dumps(given),))
            except psycopg.Error as error:
                said = f"{error} {error.diag.message_detail} {error.diag.context}"
                assert them.seen_in(said) == [], table


def test_a_role_cannot_become_another(us: Tenant, acting: Open) -> None:
    for role in ROLES:
        with acting(role, us) as connection:
            for other in ("crm_owner", "crm_migrator", "crm_resolver", "crm_outbox", "postgres"):
                change = sql.SQL("set local role {}").format(sql.Identifier(other))
                assert refused(connection, change) in ("42501", "22023"), (role, other)
            assert refused(connection, "set local row_security = off") is None
            # Turned off, Postgres refuses what it would else have filtered.
            assert refused(connection, "select 1 from workspaces") == "42501"
