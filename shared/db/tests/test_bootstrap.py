"""Bootstrapping and migrating as RDS lets one: by an administrator who is no superuser.

A cluster of their own, because roles belong to clusters, and those of the other tests' were made by
a superuser.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from infra_cdk.local.postgres import Postgres, launch
from infra_cdk.local.state import State
from shared import aws
from shared.db import schema
from shared.db.address import signed_in_as
from shared.db.migrate import bootstrap, bootstrap_as, migrate
from shared.db.releases import migration_names

MASTER = "rds_master"
LOG_IN = ("crm_app", "crm_auth", "crm_eraser", "crm_migrator", "crm_outbox", "crm_worker")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgres]:
    """A server whose administrator is what RDS's master user is.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Appendix.PostgreSQL.CommonDBATasks.Roles.rds_superuser.html
    """
    with tempfile.TemporaryDirectory(prefix="haste-rds-") as folder:
        Path(folder).chmod(0o711)  # run by root, Postgres is another user
        server = launch(State(Path(folder)), durable=False)
        try:
            _as_superuser(server, "create role rds_iam nologin")
            _as_superuser(server, f"create role {MASTER} nosuperuser createdb createrole login")
            # RDS lets its master grant rds_iam; PostgreSQL itself asks for the admin option.
            _as_superuser(server, f"grant rds_iam to {MASTER} with admin option")
            server.let_in(MASTER)
            yield server
        finally:
            server.stop()


@pytest.fixture
def database(cluster: Postgres) -> str:
    """The name of an empty database that the administrator owns."""
    name = f"rds_{uuid4().hex[:8]}"
    with psycopg.connect(cluster.url(MASTER), autocommit=True) as master:
        master.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    return name


@pytest.fixture
def token_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, int, str], str]]:
    """Credentials, and a clock that stands: a role's token is the same one every time."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: now)
    aws.forget_clients()
    yield aws.database_token
    aws.forget_clients()


def _as_superuser(server: Postgres, statement: LiteralString) -> None:
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(statement)


def _rows(url: str, query: LiteralString, *parameters: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query, parameters).fetchall()


def _passwords(server: Postgres) -> dict[str, str]:
    return {role: server.password(role) for role in LOG_IN}


def test_an_administrator_without_superuser_makes_the_usual_database(
    cluster: Postgres, database: str
) -> None:
    url = cluster.url(MASTER, database)
    bootstrap(url, _passwords(cluster))
    bootstrap(url, {})
    assert migrate(cluster.url("crm_migrator", database)) == migration_names()
    bootstrap(url, {})
    assert migrate(cluster.url("crm_migrator", database)) == []
    made = schema.dump(cluster.url(database=database))
    assert made.splitlines() == schema.SCHEMA.read_text().splitlines()


def test_roles_that_sign_in_do_so_by_iam_where_rds_runs_the_cluster(
    cluster: Postgres, database: str
) -> None:
    bootstrap(cluster.url(MASTER, database), {})
    members = _rows(
        cluster.url(),
        """
        select m.member::regrole::text from pg_auth_members m
        where m.roleid = 'rds_iam'::regrole and m.member <> %s::regrole order by 1
        """,
        MASTER,
    )
    assert [name for (name,) in members] == sorted(LOG_IN)


def test_the_administrator_keeps_none_of_the_rights_it_took(
    cluster: Postgres, database: str
) -> None:
    bootstrap(cluster.url(MASTER, database), {})
    kept = _rows(
        cluster.url(),
        """
        select r.rolname from pg_roles r where starts_with(r.rolname, 'crm_')
        and (pg_has_role(%s, r.oid, 'usage') or pg_has_role(%s, r.oid, 'set'))
        """,
        MASTER,
        MASTER,
    )
    assert kept == []


def test_passwords_given_once_survive(cluster: Postgres, database: str) -> None:
    bootstrap(cluster.url(MASTER, database), _passwords(cluster))
    bootstrap(cluster.url(MASTER, database), {})
    for role in LOG_IN:
        assert _rows(cluster.url(role, database), "select current_user") == [(role,)]


def test_migrating_signs_in_with_tokens(
    cluster: Postgres, database: str, token_of: Callable[[str, int, str], str]
) -> None:
    token = token_of("127.0.0.1", cluster.port, "crm_migrator")
    bootstrap(cluster.url(MASTER, database), {"crm_migrator": token})
    without_password = signed_in_as(cluster.url(database=database), "crm_migrator")
    assert migrate(without_password) == migration_names()


def test_an_administrator_whose_password_is_refused_signs_in_with_a_token(
    cluster: Postgres, database: str, token_of: Callable[[str, int, str], str]
) -> None:
    url = cluster.url("crm_migrator", database)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        bootstrap_as(MASTER, "refused", url)
    token = token_of("127.0.0.1", cluster.port, MASTER)
    _set_password(cluster, MASTER, token)
    try:
        bootstrap_as(MASTER, "refused", url)
    finally:
        cluster.let_in(MASTER)
    assert _rows(cluster.url(database=database), "select to_regnamespace('app') is not null") == [
        (True,)
    ]


def _set_password(server: Postgres, role: str, password: str) -> None:
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(
            sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(password))
        )
