"""What a test asks of the database, written down: each statement, with its plan where wanted.

The database is one of its own, with a crowd in it: large workspaces beside small ones. Tests that
use it take it for theirs:

    @pytest.fixture(scope="module")
    def database(crowded: Database) -> Database:
        return crowded
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from shared.db import connection
from shared.db.migrate import bootstrap, migrate
from shared.testing import Database, Server
from template_tests.crowd import Crowd, settle_in

_ROLES = ("crm_migrator", "crm_app", "crm_worker", "crm_auth", "crm_outbox", "crm_eraser")
_LEFT_OUT = re.compile(r"\s*(begin|commit|rollback|select app\.begin_request|-- the test's own)")


@dataclass
class Statement:
    """A statement and how Postgres means to run it."""

    text: str
    plan: dict[str, Any]

    def nodes(self) -> Iterator[dict[str, Any]]:
        waiting = [self.plan]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += node.get("Plans", [])


@dataclass
class Record:
    """What was asked of the database."""

    statements: list[Statement] = field(default_factory=list[Statement])
    explain: bool = True


_record = Record()
empty_tables: set[str] = set()
"""Partitions of months to come: to read nothing takes no index."""


class Recorder(psycopg.Cursor[Any]):
    """A cursor that writes down each statement of ours with its plan, then runs it."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        if not _LEFT_OUT.match(query):
            plan: dict[str, Any] = {}
            if _record.explain:
                beside = psycopg.Cursor(self.connection)
                beside.execute("explain (format json) " + query, params)
                plan = (beside.fetchone() or ([{}],))[0][0]["Plan"]
            _record.statements.append(Statement(query, plan))
        return super().execute(query, params, **options)


@pytest.fixture(scope="session")
def crowded(postgres: Server) -> Iterator[Database]:
    """A database of these tests' own."""
    with psycopg.connect(postgres.url(), autocommit=True) as admin:
        admin.execute("create database crowd")
    made = Database(postgres, "crowd")
    bootstrap(postgres.url(database="crowd"), {role: postgres.password(role) for role in _ROLES})
    migrate(made.url("crm_migrator"))
    yield made
    connection.close()
    with psycopg.connect(postgres.url(), autocommit=True) as admin:
        admin.execute("drop database crowd with (force)")


@pytest.fixture(scope="session")
def crowd(crowded: Database, postgres: Server) -> Crowd:
    """A large workspace among others."""
    ours, _ = settle_in(postgres.url(database="crowd"))
    found = crowded.admin("select relname from pg_class where relkind = 'r' and reltuples <= 0")
    empty_tables.update(one["relname"] for one in found)
    return ours


Recording = Callable[..., Any]


@pytest.fixture
def recorded(as_role: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> Recording:
    """Become a role; the list that its statements are written to from now on."""
    connect = connection.connect

    def recording_connect(url: str, **options: Any) -> Any:
        return connect(url, **options, cursor_factory=Recorder)

    monkeypatch.setattr(connection, "connect", recording_connect)

    def recording(role: str, *, explain: bool = True) -> list[Statement]:
        as_role(role)
        _record.statements, _record.explain = [], explain
        return _record.statements

    return recording
