"""A workspace that is deleted is gone from every table and from the bucket, and nothing of another.

The tables come from Postgres' own catalogue, so one that a migration adds is tried as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from functions.workspaces import objects, purging
from functions.workspaces.jobs import purges
from shared import db
from shared.aws import client
from shared.db import transaction
from shared.errors import WorkspaceClosing
from shared.ids import uuid7
from shared.testing import BUCKET, Database, LambdaContext, Workspace
from template_tests.tenants import Tenant, move_in, rows_of, tenant_tables

As = Callable[[str], None]
_JOB: Any = purges.handler


@pytest.fixture
def us(database: Database, new_workspace: Callable[[], Workspace]) -> Tenant:
    return move_in(database, new_workspace)


@pytest.fixture
def them(database: Database, new_workspace: Callable[[], Workspace]) -> Tenant:
    return move_in(database, new_workspace)


def close(database: Database, tenant: Tenant, *, wait: str = "0") -> None:
    """Have a workspace deleted: at once, if nothing else is said."""
    query: LiteralString = """
        update workspaces set deletion_asked_by = %(user)s, deletion_asked_at = now(),
            purge_at = now() + %(wait)s::interval where id = %(w)s
    """
    database.admin(query, w=tenant.workspace.id, user=tenant.workspace.user_id, wait=wait)


def run_job(as_role: As) -> None:
    as_role("crm_worker")
    _JOB({"detail": {"job": "purge-workspaces"}}, LambdaContext())


def purge(tenant: Tenant, as_role: As, *, seconds: float = 60) -> bool:
    as_role("crm_worker")
    return purging.purge(tenant.workspace.id, until=time.monotonic() + seconds)


def put(tenant: Tenant, number: int) -> None:
    for n in range(number):
        key = f"{tenant.workspace.id}/mail/{n:02}.eml"
        client("s3").put_object(Bucket=BUCKET, Key=key, Body=tenant.mark.encode())


def keys(tenant: Tenant) -> list[str]:
    found = client("s3").list_objects_v2(Bucket=BUCKET, Prefix=str(tenant.workspace.id))
    return [one.get("Key", "") for one in found.get("Contents", [])]


def left(database: Database, tenant: Tenant) -> dict[str, list[str]]:
    return {table: rows for table, rows in rows_of(database, tenant).items() if rows}


def workspace_row(database: Database, tenant: Tenant) -> list[dict[str, Any]]:
    return database.admin("select * from workspaces where id = %(w)s", w=tenant.workspace.id)


def tombstone(database: Database, tenant: Tenant) -> list[dict[str, Any]]:
    return database.admin("select * from purged_workspaces where id = %(w)s", w=tenant.workspace.id)


# Every table


def test_every_table_of_tenants_can_be_purged(database: Database) -> None:
    """Whoever adds one calls `app.protect`, which sees to it."""
    granted = database.admin(
        """
        select table_name as name, array_agg(privilege_type::text) as may
        from information_schema.role_table_grants
        where grantee = 'crm_purger' and table_schema = 'public' group by 1
        """
    )
    may = {one["name"]: set(one["may"]) for one in granted}
    tables = tenant_tables(database)
    needed = {"SELECT", "DELETE"}
    assert [table for table in tables if not needed <= may.get(table, set())] == []
    ordered = [row["name"] for row in database.admin("select name from app.purge_order()")]
    assert sorted([*ordered, "workspace_keys"]) == tables


def test_whatever_refers_to_a_table_is_purged_before_it(database: Database) -> None:
    place = {row["name"]: row["place"] for row in database.admin("select * from app.purge_order()")}
    assert max(place.values()) < 100, "foreign keys go round in a circle"
    keys = database.admin(
        """
        select k.conrelid::regclass::text as child, k.confrelid::regclass::text as parent
        from pg_constraint k where k.contype = 'f' and k.conparentid = 0
            and k.conrelid <> k.confrelid and k.connamespace = 'public'::regnamespace
        """
    )
    for key in keys:
        if key["child"] in place and key["parent"] in place:
            assert place[key["child"]] < place[key["parent"]], key


def test_nobody_signs_in_as_who_purges_or_becomes_it(database: Database) -> None:
    members = database.admin(
        """
        select m.member::regrole::text as role from pg_auth_members m
        where m.roleid = 'crm_purger'::regrole
        """
    )
    assert {one["role"] for one in members} == {"crm_migrator"}


# What is gone, and what is not


def test_nothing_of_it_is_left_and_nothing_of_another_is_touched(
    us: Tenant, them: Tenant, database: Database, as_role: As, aws: None
) -> None:
    put(us, 3)
    put(them, 2)
    before, theirs, there = rows_of(database, us), rows_of(database, them), keys(them)
    users = database.admin("select * from users order by id")
    close(database, us)
    run_job(as_role)
    assert left(database, us) == {}
    assert (workspace_row(database, us), keys(us)) == ([], [])
    assert (rows_of(database, them), keys(them)) == (theirs, there)
    assert len(workspace_row(database, them)) == 1
    assert database.admin("select * from users order by id") == users, "people stay"
    [stone] = tombstone(database, us)
    counted = {t: len(rows) for t, rows in before.items() if rows and t != "workspace_keys"}
    # Triggers wrote of its closing, too.
    assert stone["counts"] == counted | {
        "objects": 3, "audit_log": len(before["audit_log"]) + 1,
    }  # fmt: skip
    assert us.mark not in str(stone)


def test_no_table_at_all_knows_its_id_but_the_one_that_says_so(
    us: Tenant, them: Tenant, database: Database, as_role: As, aws: None
) -> None:
    close(database, us)
    run_job(as_role)
    tables = database.admin(
        """
        select relname as name from pg_class where relnamespace = 'public'::regnamespace
            and relkind in ('r', 'p') and not relispartition
        """
    )
    for row in tables:
        query: Any = sql.SQL(
            "select 1 from {} t where to_jsonb(t)::text like %(like)s limit 1"
        ).format(sql.Identifier(row["name"]))
        found = database.admin(query, like=f"%{us.workspace.id}%")
        assert bool(found) is (row["name"] == "purged_workspaces"), row["name"]


def test_the_data_key_goes_last_and_with_the_workspace(
    us: Tenant, database: Database, as_role: As, aws: None
) -> None:
    """Until the end it is there, whatever else is gone."""
    close(database, us)
    as_role("crm_worker")
    while True:
        with transaction(us.workspace.id, even_closing=True) as tx:
            found = tx.one(str, "select name from app.purge_rows(1000)")
        rows = left(database, us)
        assert "workspace_keys" in rows
        if found is None:
            break
    assert rows.keys() == {"workspace_keys"}
    assert purge(us, as_role)
    assert left(database, us) == {}


# When


def test_before_its_time_nothing_happens(
    us: Tenant, database: Database, as_role: As, aws: None
) -> None:
    put(us, 1)
    close(database, us, wait="1 minute")
    before = rows_of(database, us)
    run_job(as_role)
    assert not purge(us, as_role)
    assert (rows_of(database, us), len(keys(us))) == (before, 1)


@pytest.mark.parametrize("due", [None, "1 minute"])
@pytest.mark.parametrize("statement", ["app.purge_rows(1)", "app.finish_purge()"])
def test_nor_can_it_be_made_to(
    us: Tenant, them: Tenant, database: Database, as_role: As, due: str | None, statement: str
) -> None:
    """Not even where another workspace's time has come."""
    close(database, them)
    if due:
        close(database, us, wait=due)
    before = rows_of(database, us), rows_of(database, them)
    as_role("crm_worker")
    query: Any = f"select * from {statement}"  # noqa: S608 -- a literal
    with (
        pytest.raises(InsufficientPrivilege, match="not to be purged now"),
        transaction(us.workspace.id, even_closing=True) as tx,
    ):
        tx.all(tuple, query)
    assert (rows_of(database, us), rows_of(database, them)) == before


@pytest.mark.parametrize("role", ["crm_app", "crm_auth", "crm_outbox"])
@pytest.mark.parametrize("statement", ["app.purge_rows(1)", "app.finish_purge()"])
def test_nor_by_anybody_else(us: Tenant, database: Database, role: str, statement: str) -> None:
    close(database, us)
    query: Any = f"select * from {statement}"  # noqa: S608 -- a literal
    with (
        psycopg.connect(database.url(role)) as connection,
        pytest.raises(InsufficientPrivilege, match="permission denied"),
    ):
        connection.execute(query)


# How often, and where it may end


@contextmanager
def dying(after: int, monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """A process that ends when it has committed so many transactions."""
    begun = iter(range(after))

    @contextmanager
    def until_death(*given: Any, **named: Any) -> Generator[Any]:
        if next(begun, None) is None:
            raise KeyboardInterrupt
        with db.transaction(*given, **named) as tx:
            yield tx

    with monkeypatch.context() as patch:
        patch.setattr(purging, "transaction", until_death)
        yield


def test_killed_after_every_step_it_goes_on(
    us: Tenant,
    them: Tenant,
    database: Database,
    as_role: As,
    aws: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(objects, "_AT_ONCE", 1)
    put(us, 2)
    before, theirs = rows_of(database, us), rows_of(database, them)
    close(database, us)
    deaths = 0
    while workspace_row(database, us):
        as_role("crm_worker")
        try:
            with dying(3, monkeypatch):
                purging.purge(us.workspace.id, until=time.monotonic() + 60)
        except KeyboardInterrupt:
            deaths += 1
        assert not purge(us, as_role), "somebody may still be at it"
        database.admin(
            "update workspaces set purge_busy_until = now() where id = %(w)s", w=us.workspace.id
        )
    assert deaths > len(before) / 3, "two portions each time"
    assert (left(database, us), keys(us)) == ({}, [])
    assert rows_of(database, them) == theirs
    [stone] = tombstone(database, us)
    assert stone["counts"]["tasks"] == 1


def test_out_of_time_it_leaves_the_rest(
    us: Tenant, database: Database, as_role: As, aws: None
) -> None:
    close(database, us)
    before = left(database, us)
    assert not purge(us, as_role, seconds=0)
    assert left(database, us).keys() == before.keys()
    assert purge(us, as_role), "nobody has to wait for a lease that was given back"


def test_done_again_it_does_nothing(
    us: Tenant, them: Tenant, database: Database, as_role: As, aws: None
) -> None:
    close(database, us)
    theirs = rows_of(database, them)
    assert purge(us, as_role)
    stone = tombstone(database, us)
    assert not purge(us, as_role)
    run_job(as_role)
    assert (tombstone(database, us), rows_of(database, them)) == (stone, theirs)


def test_what_comes_late_into_the_bucket_goes_as_well(
    us: Tenant, database: Database, as_role: As, aws: None
) -> None:
    close(database, us)
    as_role("crm_worker")
    with transaction(us.workspace.id, even_closing=True) as tx:
        tx.run("update workspaces set purge_stage = 'rows' where id = %(workspace_id)s")
    put(us, 1)
    assert purge(us, as_role)
    assert keys(us) == []


def test_of_a_bucket_that_keeps_versions_none_is_kept(
    us: Tenant, them: Tenant, aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the one on AWS does."""
    s3, bucket = client("s3"), f"versioned-{uuid7()}"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    monkeypatch.setenv("HASTE_BUCKET", bucket)
    for tenant in (us, them):
        key = f"{tenant.workspace.id}/mail/aa/one.eml"
        for text in (b"first", b"second"):
            s3.put_object(Bucket=bucket, Key=key, Body=text)
        s3.delete_object(Bucket=bucket, Key=key)
    assert sum(objects.delete_objects(us.workspace.id)) == 3, "two versions, one marker"
    left = s3.list_object_versions(Bucket=bucket)
    kept = [*left.get("Versions", []), *left.get("DeleteMarkers", [])]
    assert {one.get("Key", "").partition("/")[0] for one in kept} == {str(them.workspace.id)}
    assert len(kept) == 3


def test_one_that_fails_holds_up_no_other(
    us: Tenant, them: Tenant, database: Database, as_role: As, aws: None
) -> None:
    """A row that the catalogue knows nothing of: the first one cannot go."""
    close(database, us, wait="-1 hour")
    close(database, them)
    database.admin("create table stubborn (id uuid references workspaces (id))")
    try:
        database.admin("insert into stubborn values (%(w)s)", w=us.workspace.id)
        run_job(as_role)
        assert len(workspace_row(database, us)) == 1
        assert workspace_row(database, them) == []
    finally:
        database.admin("drop table stubborn")


# Rows that refer to rows of their own table


OPERATION: LiteralString = """
    insert into operations (workspace_id, id, kind, actor, undone_by)
    values (%(w)s, %(id)s, 'undo', 'system', %(by)s)
"""


def _chain(database: Database, tenant: Tenant, ids: list[UUID], last: UUID | None) -> None:
    for one, by in reversed(list(zip(ids, [*ids[1:], last], strict=True))):
        database.admin(OPERATION, w=tenant.workspace.id, id=one, by=by)


def test_those_at_the_end_of_a_chain_go_first(
    us: Tenant, database: Database, as_role: As, aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    _chain(database, us, [uuid7() for _ in range(5)], None)
    close(database, us)
    monkeypatch.setattr(purging, "_AT_ONCE", 2)
    assert purge(us, as_role)
    [stone] = tombstone(database, us)
    assert stone["counts"]["operations"] == 6


def test_a_circle_goes_at_once(
    us: Tenant, them: Tenant, database: Database, as_role: As, aws: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    first, second = uuid7(), uuid7()
    _chain(database, us, [first, second], None)
    database.admin(
        "update operations set undone_by = %(by)s where workspace_id = %(w)s and id = %(id)s",
        w=us.workspace.id, id=second, by=first,
    )  # fmt: skip
    theirs = rows_of(database, them)
    close(database, us)
    monkeypatch.setattr(purging, "_AT_ONCE", 1)
    assert purge(us, as_role)
    assert rows_of(database, them) == theirs


# Afterwards


@pytest.mark.parametrize("role", ["crm_app", "crm_worker"])
def test_nothing_can_be_written_into_it_any_more(
    us: Tenant, database: Database, as_role: As, aws: None, role: str
) -> None:
    """Not even where no key says that the workspace has to be there, as in the feed."""
    close(database, us)
    assert purge(us, as_role)
    as_role(role)
    with pytest.raises(WorkspaceClosing), transaction(us.workspace.id) as tx:
        tx.run(
            """
            insert into event_log (workspace_id, id, position, type, payload)
            values (%(workspace_id)s, %(id)s, 1, 'ContactCreated', '{}')
            """,
            id=uuid7(),
        )
    assert left(database, us) == {}
