"""Migrating on deploy: once, in order, one at a time, and loudly when it fails."""

import json
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
from shared.aws import client
from shared.db import migrate as migrating
from shared.db.releases import migration_names
from shared.testing import Database, LambdaContext

handler: Callable[..., Any] = migrate.handler


@pytest.fixture
def empty(database: Database, aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A database that nobody has touched, and what the function is told about it."""
    name = f"empty_{uuid4().hex[:8]}"
    with psycopg.connect(database.server.url(), autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    made = Database(database.server, name)
    monkeypatch.setenv("HASTE_DATABASE_URL", made.url("crm_migrator"))
    monkeypatch.setenv("HASTE_SECRET_DATABASE_ADMIN", name)
    administrator = {"username": "postgres", "password": database.server.password("postgres")}
    client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(administrator))
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


def test_roles_keep_their_passwords_and_rights(empty: Database) -> None:
    _deploy()
    for role in ("crm_app", "crm_worker", "crm_auth", "crm_outbox"):
        with psycopg.connect(empty.url(role)) as signed_in:
            signed_in.execute("select app.begin_request(null, null)")
    [schema] = empty.admin(
        "select nspowner::regrole::text as owner from pg_namespace where oid = 'app'::regnamespace"
    )
    assert schema == {"owner": "crm_owner"}


def test_the_administrators_password_is_read_at_every_deploy(empty: Database) -> None:
    """RDS changes it every seven days, at no notice."""
    _deploy()
    renamed = {"username": "postgres", "password": "rotated"}
    client("secretsmanager").put_secret_value(SecretId=empty.name, SecretString=json.dumps(renamed))
    with pytest.raises(psycopg.OperationalError, match='failed for user "postgres"'):
        _deploy()


def test_two_deploys_at_once_apply_each_migration_once(empty: Database) -> None:
    applied: list[list[str]] = []
    deploys = [threading.Thread(target=lambda: applied.append(_deploy())) for _ in range(2)]
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
