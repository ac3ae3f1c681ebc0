"""Pytest fixtures for handlers and use cases: a migrated database, a workspace, a caller.

Loaded by `-p shared.testing`. The services themselves (`postgres`, `ministack`) are fixtures of
the laptop backend. Tests share one database per worker and keep apart as customers do: each makes
its own workspace. Not shipped in the layer.
"""

from __future__ import annotations

import json
import os
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString, Protocol, get_args
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import dict_row

from shared import db, outbox
from shared.access import EVERYTHING, Access
from shared.db import Tx, connection
from shared.db.migrate import bootstrap, migrate
from shared.ids import uuid7
from shared.tests.triggers import rest_event, sqs_record
from shared.wiring import Role

_LOG_IN_ROLES = get_args(Role)
BUS = "haste"
BUCKET = "haste-mail"


class Server(Protocol):
    """What the `postgres` fixture is, to this module."""

    def url(self, user: str = ..., database: str = ...) -> str: ...
    def password(self, user: str) -> str: ...


@dataclass(frozen=True)
class Database:
    """A migrated database and how to reach it as each role."""

    server: Server
    name: str

    def url(self, role: str = "crm_app") -> str:
        return self.server.url(role, self.name)

    def admin(self, query: LiteralString, **params: Any) -> list[dict[str, Any]]:
        """Run a statement as the superuser, past row-level security."""
        url = self.server.url(database=self.name)
        if threading.current_thread() is not threading.main_thread():
            with _superuser(url) as own:
                cursor = own.execute(query, params)
                return cursor.fetchall() if cursor.description else []
        if url not in _kept or _kept[url].closed:
            _kept[url] = _superuser(url)
        cursor = _kept[url].execute(query, params)
        return cursor.fetchall() if cursor.description else []


def _superuser(url: str) -> psycopg.Connection[Any]:
    connection: psycopg.Connection[Any] = psycopg.connect(url, autocommit=True)
    connection.row_factory = dict_row
    return connection


_kept: dict[str, psycopg.Connection[Any]] = {}
"""The main thread's connections, by URL: to open one takes longer than most statements."""


def pytest_sessionfinish() -> None:
    while _kept:
        _kept.popitem()[1].close()


@dataclass(frozen=True)
class Workspace:
    """A workspace of its own for one test, and its owner."""

    id: UUID
    user_id: UUID
    session_id: UUID = field(default_factory=uuid4)


@dataclass(frozen=True)
class Answer:
    """What an HTTP handler answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class LambdaContext:
    """What Lambda tells a handler about the invocation."""

    function_name = "test"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:test"
    aws_request_id = "00000000-0000-0000-0000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


@pytest.fixture(scope="session")
def database(postgres: Server) -> Database:
    """A database with every migration applied, and room to sign in as every role."""
    made = Database(postgres, "haste")
    with psycopg.connect(postgres.url(), autocommit=True) as admin:
        admin.execute("create database haste")
    bootstrap(
        postgres.url(database="haste"), {role: postgres.password(role) for role in _LOG_IN_ROLES}
    )
    migrate(made.url("crm_migrator"))
    return made


@pytest.fixture
def as_role(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Switch the execution environment to a database role, as its declaration would."""

    def switch(role: str) -> None:
        url = database.url(role)
        if os.environ.get("HASTE_DATABASE_URL") != url:  # else it keeps its connection, as it would
            connection.close()
            monkeypatch.setenv("HASTE_DATABASE_URL", url)

    switch("crm_app")
    yield switch
    connection.close()


@pytest.fixture
def new_workspace(database: Database) -> NewWorkspace:
    """Makes workspaces, each with an owner."""

    def make() -> Workspace:
        workspace = Workspace(uuid7(), uuid7())
        database.admin(
            """
            with person as (
                insert into users (id, email, name, password_hash)
                values (%(user)s, %(email)s, 'Owner', 'none')
            ), place as (
                insert into workspaces (id, name) values (%(workspace)s, 'Test')
            ), feed as (
                insert into feed (workspace_id) values (%(workspace)s)
            )
            insert into memberships (workspace_id, user_id, role)
            values (%(workspace)s, %(user)s, 'owner')
            """,
            user=workspace.user_id,
            workspace=workspace.id,
            email=f"{workspace.user_id}@example.com",
        )
        return workspace

    return make


@pytest.fixture
def new_member(database: Database) -> NewMember:
    """Makes further members of a workspace: the workspace again, as they see it."""

    def join(workspace: Workspace, role: str = "member") -> Workspace:
        user_id = uuid7()
        database.admin(
            """
            with person as (
                insert into users (id, email, name, password_hash)
                values (%(user)s, %(email)s, 'Member', 'none')
            )
            insert into memberships (workspace_id, user_id, role)
            values (%(workspace)s, %(user)s, %(role)s)
            """,
            user=user_id,
            workspace=workspace.id,
            email=f"{user_id}@example.com",
            role=role,
        )
        return Workspace(workspace.id, user_id)

    return join


@pytest.fixture
def workspace(new_workspace: NewWorkspace) -> Workspace:
    """A workspace of this test's own."""
    return new_workspace()


@pytest.fixture
def tx(as_role: Callable[[str], None], workspace: Workspace) -> Iterator[Tx]:
    """A transaction of the workspace's owner as crm_app, committed if the test passes."""
    with db.transaction(workspace.id, user_id=workspace.user_id, access=EVERYTHING) as opened:
        yield opened


@pytest.fixture
def aws(ministack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS as the handlers see it: a bus, a bucket and a key on the emulator."""
    for name, value in ministack.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HASTE_BUS", BUS)
    monkeypatch.setenv("HASTE_BUCKET", BUCKET)
    if ministack.url not in _keys:
        _keys[ministack.url] = _made_once()
    monkeypatch.setenv("HASTE_KMS_KEY", _keys[ministack.url])


_keys: dict[str, str] = {}
"""The KMS key of each emulator; its bus and bucket have the same name everywhere."""


def _made_once() -> str:
    """Make bus and bucket, unless a test made them already, and a key; its id."""
    from shared import aws as clients

    events, s3 = clients.client("events"), clients.client("s3")
    if BUS not in [bus.get("Name") for bus in events.list_event_buses()["EventBuses"]]:
        events.create_event_bus(Name=BUS)
    if BUCKET not in [bucket.get("Name") for bucket in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=BUCKET)
    return clients.client("kms").create_key()["KeyMetadata"]["KeyId"]


# What the fixtures below give, for annotations.
Call = Callable[..., Answer]
Deliver = Callable[..., list[str]]
EventsOf = Callable[[Workspace], list[dict[str, Any]]]
NewWorkspace = Callable[[], Workspace]
NewMember = Callable[..., Workspace]


@pytest.fixture
def call(as_role: Callable[[str], None], workspace: Workspace, aws: None) -> Call:
    """Call an HTTP handler with the API Gateway event of a request by the workspace's owner.

    `call(handler, "POST", "/api/v1/contacts", {...}, headers=..., workspace=..., role=...,
    access=...)`; a `bytes` body is sent as it is, `anonymous=True` sends no caller.
    """

    def request(
        handler: Callable[..., Any],
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        workspace: Workspace = workspace,
        anonymous: bool = False,
        role: str = "crm_app",
        access: Access = EVERYTHING,
    ) -> Answer:
        as_role(role)
        context = {} if anonymous else _authorizer(workspace, access)
        event = rest_event(method, path, body, headers or {}, context)
        answer = handler(event, LambdaContext())
        content = answer["body"]
        received = {n.lower(): value for n, value in answer["headers"].items()}
        received |= {n.lower(): v[-1] for n, v in answer["multiValueHeaders"].items()}
        raw = b64decode(content) if answer["isBase64Encoded"] else content.encode()
        return Answer(answer["statusCode"], received, raw)

    return request


@pytest.fixture
def deliver(as_role: Callable[[str], None], aws: None) -> Deliver:
    """Deliver a batch to a queue's handler as crm_worker; the ids of the messages that failed.

    Each message is an event, as EventBridge puts it on a queue, or the body itself.
    """

    def batch(
        handler: Callable[..., Any], *messages: Any, receives: int = 1, role: str = "crm_worker"
    ) -> list[str]:
        as_role(role)
        records = [sqs_record(n, message, receives) for n, message in enumerate(messages)]
        answer = handler({"Records": records}, LambdaContext())
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    return batch


@pytest.fixture
def events_of(database: Database) -> EventsOf:
    """The feed of a workspace: type, payload and position of each event, in order."""

    def read(workspace: Workspace) -> list[dict[str, Any]]:
        return database.admin(
            """
            select type, payload, position from event_log
            where workspace_id = %(id)s order by position
            """,
            id=workspace.id,
        )

    return read


def read_all(call: Call, handler: Callable[..., Any], url: str) -> list[dict[str, Any]]:
    """The items of a list, page after page; `url` has a query."""
    items: list[dict[str, Any]] = []
    cursor = ""
    while True:
        answer = call(handler, "GET", f"{url}{cursor}")
        assert answer.status == 200, answer.json
        items += answer.json["items"]
        if answer.json["next_cursor"] is None:
            return items
        cursor = f"&cursor={answer.json['next_cursor']}"


@pytest.fixture(autouse=True)
def _no_leftover_events() -> Iterator[None]:
    yield
    outbox.drop()


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of real mail; the test is skipped where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "corpora"
    folder = Path(os.environ.get("HASTE_CORPORA") or default)
    if not folder.is_dir():
        pytest.skip(f"no real mail at {folder}: set HASTE_CORPORA")
    return folder


def _authorizer(workspace: Workspace, access: Access) -> dict[str, str]:
    return {
        "principalId": str(workspace.user_id),
        "workspace_id": str(workspace.id),
        "user_id": str(workspace.user_id),
        "session_id": str(workspace.session_id),
        "access": str(access),
    }
