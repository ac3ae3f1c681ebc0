"""Health checks against real services that run, are absent, hang or lag behind."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from functions.health import queries
from functions.health.api import handler
from shared.aws import database_token
from shared.db.address import signed_in_as
from shared.db.releases import migration_names
from shared.testing import Answer, Call, Database

_NOWHERE = "127.0.0.1:1"


@pytest.fixture
def hung() -> Iterator[str]:
    """The address of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def _get(call: Call, path: str) -> Answer:
    return call(handler, "GET", path, anonymous=True)


def _failing(answer: Answer) -> list[str]:
    assert (answer.status, answer.headers["content-type"]) == (503, "application/problem+json")
    assert answer.json["code"] == "not_ready"
    return [error["pointer"] for error in answer.json["errors"]]


def _set(monkeypatch: pytest.MonkeyPatch, **urls: str) -> None:
    """Settings of the next request; `call` sets the environment's own database."""
    monkeypatch.setattr("functions.health.api.setting", urls.get)


def test_all_is_well(call: Call, valkey: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HASTE_CACHE_URL", valkey.url)
    for path in ("/health/live", "/health/ready", "/health/startup"):
        answer = _get(call, path)
        assert (answer.status, answer.json) == (200, {"status": "ok"})


def test_living_depends_on_nothing(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, DATABASE_URL=f"postgresql://crm_app@{_NOWHERE}/haste")
    assert _get(call, "/health/live").status == 200


def test_a_part_that_is_absent_is_named(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    database, cache = f"postgresql://crm_app@{_NOWHERE}/haste", f"redis://{_NOWHERE}"
    _set(monkeypatch, DATABASE_URL=database, CACHE_URL=cache)
    assert _failing(_get(call, "/health/ready")) == ["/database", "/cache"]
    assert _failing(_get(call, "/health/startup")) == ["/database"]


def test_a_part_that_hangs_is_named(call: Call, hung: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "_PATIENCE_S", 0.2)
    database, cache = f"postgresql://crm_app@{hung}/haste", f"redis://{hung}"
    _set(monkeypatch, DATABASE_URL=database, CACHE_URL=cache)
    assert _failing(_get(call, "/health/ready")) == ["/database", "/cache"]


def test_the_database_is_asked_with_a_token_where_there_is_no_password(
    call: Call, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = f"iam_{uuid4().hex[:8]}"
    url = signed_in_as(database.url("crm_app"), role)
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: now)
    token = database_token("127.0.0.1", urlsplit(url).port or 0, role)
    with psycopg.connect(database.server.url(database=database.name), autocommit=True) as admin:
        made = sql.SQL("create role {} login in role crm_app password {}")
        admin.execute(made.format(sql.Identifier(role), sql.Literal(token)))
    _set(monkeypatch, DATABASE_URL=url)
    assert _get(call, "/health/ready").status == 200
    assert _get(call, "/health/startup").status == 200
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: now + timedelta(seconds=1))
    assert _failing(_get(call, "/health/ready")) == ["/database"]


def test_a_database_behind_the_code_is_not_started(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = [*migration_names(), "9999_later"]
    monkeypatch.setattr(queries, "migration_names", lambda: known)
    answer = _get(call, "/health/startup")
    assert _failing(answer) == ["/migrations"]
    assert answer.json["errors"][0]["detail"] == "not applied: 9999_later"


def test_a_database_ahead_of_the_code_is_started(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "migration_names", lambda: migration_names()[:1])
    assert _get(call, "/health/startup").status == 200


def test_names_are_those_of_the_files(tmp_path: Path) -> None:
    for name in ("0002_b.sql", "0001_a.sql", "frozen.txt"):
        (tmp_path / name).touch()
    assert migration_names(tmp_path) == ["0001_a", "0002_b"]
