"""Migrating on deploy: once, in order, one at a time, and loudly when it fails."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from functions.migrations import jobs, migrate
from shared.db import migrate as migrating
from shared.db.releases import migration_names
from shared.testing import Database, LambdaContext

handler: Callable[..., Any] = migrate.handler


@pytest.fixture
def empty(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A database with roles and no schema, that the function is pointed at."""
    name = f"empty_{uuid4().hex[:8]}"
    with psycopg.connect(database.server.url(), autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    made = Database(database.server, name)
    migrating.bootstrap(database.server.url(database=name), {})
    monkeypatch.setenv("HASTE_DATABASE_URL", made.url("crm_migrator"))
    yield made
    with psycopg.connect(database.server.url(), autocommit=True) as admin:
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _deploy() -> list[str]:
    return handler({}, LambdaContext())["applied"]


def test_every_migration_is_applied_once_in_the_order_of_names(empty: Database) -> None:
    assert _deploy() == migration_names()
    assert _deploy() == []
    partitions = empty.admin("select count(*) as n from pg_inherits")
    assert partitions[0]["n"] > 0


def test_two_deploys_at_once_apply_each_migration_once(empty: Database) -> None:
    url = empty.url("crm_migrator")
    applied: list[list[str]] = []
    deploys = [
        threading.Thread(target=lambda: applied.append(migrating.migrate(url))) for _ in range(2)
    ]
    for deploy in deploys:
        deploy.start()
    for deploy in deploys:
        deploy.join()
    assert sorted(applied) == [[], migration_names()]


def test_a_failing_migration_raises_and_leaves_nothing_of_itself(
    empty: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "0001_good.sql").write_text("create table public.good (a int);")
    bad = "-- depends: 0001_good\ncreate table public.half (a int);\nselect 1 / 0;"
    (tmp_path / "0002_bad.sql").write_text(bad)
    monkeypatch.setattr(migrating, "MIGRATIONS", tmp_path)
    with pytest.raises(psycopg.errors.DivisionByZero):
        _deploy()
    tables = empty.admin("select relname from pg_class where relname in ('good', 'half')")
    assert tables == [{"relname": "good"}]
    recorded = empty.admin("select migration_id from _migrations")
    assert recorded == [{"migration_id": "0001_good"}]


def test_the_months_to_come_have_partitions(
    database: Database, as_role: Callable[[str], None]
) -> None:
    [newest] = database.admin(
        """
        select max(relname) as name from pg_class
        where relkind = 'r' and relispartition and starts_with(relname, 'event_log')
        """
    )
    with psycopg.connect(database.server.url(database=database.name), autocommit=True) as admin:
        admin.execute(sql.SQL("drop table {}").format(sql.Identifier(newest["name"])))
    as_role("crm_worker")
    roll: Callable[..., Any] = jobs.handler
    roll({"detail": {"job": "roll-partitions"}}, LambdaContext())
    partitions = database.admin(
        """
        select i.inhparent::regclass::text as parent, c.relname as name,
            c.relrowsecurity and c.relforcerowsecurity as forced
        from pg_inherits i join pg_class c on c.oid = i.inhrelid where c.relkind = 'r'
        """
    )
    parents = database.admin("select name from app.monthly_tables")
    assert Counter(p["parent"] for p in partitions) == {row["name"]: 5 for row in parents}
    assert newest["name"] in [p["name"] for p in partitions]
    assert all(p["forced"] for p in partitions)
