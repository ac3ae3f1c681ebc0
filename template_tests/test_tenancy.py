"""Workspaces never see each other, whatever is asked of whichever route or queue.

The routes are found in the apps and their bodies made from the schemas. Ids of another workspace
must do exactly what ids that never existed do: here in requests of every shape, drawn at random; in
`test_foreign_ids.py` in every place of every route that takes one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.catalogue import all_events
from events.envelope import Event
from functions.contacts.api import handler as contacts
from infra_cdk.registry import declared
from shared.aws import client
from shared.cursors import encode_cursor
from shared.runtime import Consumer
from shared.testing import Answer, Call, Database, Workspace
from template_tests.source import ROOT
from template_tests.surface import Operation, operations
from template_tests.tenants import Tenant, move_in, rows_of

PUBLIC = ("/api/v1/auth/", "/api/v1/openapi.json", "/docs", "/health/")
PRIVATE = [one for one in operations() if not one.public]
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@pytest.fixture
def us(database: Database, new_workspace: Callable[[], Workspace]) -> Tenant:
    return move_in(database, new_workspace)


@pytest.fixture
def them(database: Database, new_workspace: Callable[[], Workspace]) -> Tenant:
    return move_in(database, new_workspace)


@pytest.fixture
def outside(aws: None, valkey: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vendors that do not answer, queues and a cache that do."""
    monkeypatch.setenv("HASTE_CACHE_URL", valkey.url)
    url = client("sqs").create_queue(
        QueueName=f"any-{uuid4().hex}.fifo", Attributes={"FifoQueue": "true"}
    )["QueueUrl"]
    for one in declared():
        for queue in one.function.sends:
            monkeypatch.setenv(f"HASTE_QUEUE_{queue.upper().replace('-', '_')}", url)
    monkeypatch.setenv("HASTE_GOOGLE_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HASTE_GMAIL_TOPIC", "projects/laptop/topics/gmail")
    monkeypatch.setenv("HASTE_SOCKETS_URL", "ws://127.0.0.1:9/ws")


def test_only_these_routes_are_public() -> None:
    assert PRIVATE
    for one in operations():
        assert one.public is one.path.startswith(PUBLIC), one.name


def test_every_table_and_every_id_in_a_path_is_in_the_test(us: Tenant, database: Database) -> None:
    assert [table for table, rows in rows_of(database, us).items() if not rows] == []
    for one in PRIVATE:
        for parameter in one.parameters("path"):
            assert parameter["name"].removesuffix("_id") in us.ids, one.name


@pytest.mark.parametrize("operation", PRIVATE, ids=lambda one: one.name)
def test_nobody_comes_in_without_the_authorizers_word(
    operation: Operation, call: Call, outside: None
) -> None:
    path = re.sub(r"{\w+}", str(uuid4()), operation.path)
    answer = call(operation.handler, operation.method, path, {}, anonymous=True)
    assert answer.status == 401


# What is sent


def _ids(us: Tenant, them: Tenant) -> st.SearchStrategy[str]:
    """Any id of theirs, mostly; also ours, and none at all."""
    theirs = st.sampled_from(sorted(them.all_ids))
    ours = st.sampled_from(sorted(us.all_ids))
    return theirs | theirs | ours | st.uuids().map(str)


def _values(schema: dict[str, Any], schemas: dict[str, Any], ids: Any) -> st.SearchStrategy[Any]:
    """Values that a JSON schema lets through, and some that it does not."""
    if "$ref" in schema:
        return _values(schemas[schema["$ref"].rpartition("/")[2]], schemas, ids)
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return st.one_of([_values(one, schemas, ids) for one in schema[several]])
    if "const" in schema or "enum" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    return _typed_values(schema, schemas, ids)


def _typed_values(
    schema: dict[str, Any], schemas: dict[str, Any], ids: Any
) -> st.SearchStrategy[Any]:
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            wanted = {name: _values(one, schemas, ids) for name, one in properties.items()}
            needed = {name: wanted.pop(name) for name in schema.get("required", [])}
            return st.fixed_dictionaries(needed, optional=wanted)
        case "array":
            return st.lists(_values(schema.get("items", {}), schemas, ids), max_size=3)
        case "string":
            return ids if schema.get("format") == "uuid" else _texts(schema)
        case "integer" | "number":
            return st.integers(schema.get("minimum", 0), schema.get("maximum", 2**31))
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case _:
            return ids


def _texts(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    if schema.get("format") == "email":
        return st.sampled_from(["ada@example.com", "nobody"])
    if schema.get("format") == "date-time":
        return st.just("2026-03-01T10:00:00Z")
    return st.text(min_size=schema.get("minLength", 0), max_size=20)


@st.composite
def _requests(
    draw: st.DrawFn, us: Tenant, them: Tenant
) -> tuple[Operation, dict[str, str], str, Any, dict[str, str]]:
    """An operation, its path's ids, its query, body and headers."""
    operation = draw(st.sampled_from(PRIVATE))
    ids = _ids(us, them)
    path_ids: dict[str, str] = {}
    for parameter in operation.parameters("path"):
        kind = parameter["name"].removesuffix("_id")
        alike = st.sampled_from([str(them.ids[kind]), str(them.ids[kind]), str(us.ids[kind])])
        path_ids[parameter["name"]] = draw(alike | ids)
    pairs: list[str] = []
    for parameter in operation.parameters("query"):
        if draw(st.booleans()):
            pairs.append(f"{parameter['name']}={draw(_query_values(parameter, ids, them))}")
    body = draw(_values(operation.body, operation.schemas, ids)) if operation.body else None
    headers = {"If-Match": draw(st.sampled_from(["*", '"1"', '"7"']))}
    return operation, path_ids, "&".join(pairs), body, headers


def _query_values(
    parameter: dict[str, Any], ids: st.SearchStrategy[str], them: Tenant
) -> st.SearchStrategy[str]:
    if parameter["name"] == "cursor":
        places = st.sampled_from(sorted(them.all_ids)).map(UUID)
        return places.map(lambda one: encode_cursor((datetime.now(UTC), one)))
    return (
        _values(parameter["schema"], {}, ids)
        .filter(lambda one: re.fullmatch(r"[\w-]+", str(one)) is not None)
        .map(str)
    )


def _plain(answer: Answer, said: dict[str, str]) -> tuple[int, str]:
    """An answer without what differs between any two: the request's own ids."""
    text = re.sub(r'"request_id":"[^"]*"', "", answer.body.decode())
    for name, value in said.items():
        text = text.replace(value, f"<{name}>")
    return answer.status, text


@pytest.fixture
def before(them: Tenant, database: Database) -> dict[str, list[str]]:
    """What was theirs before anything was asked."""
    return rows_of(database, them)


@given(data=st.data())
@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_request_shows_or_touches_what_is_theirs(
    data: st.DataObject,
    us: Tenant,
    them: Tenant,
    before: dict[str, list[str]],
    call: Call,
    outside: None,
    database: Database,
) -> None:
    operation, path_ids, query, body, headers = data.draw(_requests(us, them))

    def ask(ids: dict[str, str]) -> Answer:
        path = operation.path.format(**ids) + (f"?{query}" if query else "")
        caller = {"workspace": us.workspace, "role": operation.role, "headers": headers}
        return call(operation.handler, operation.method, path, body, **caller)

    answer = ask(path_ids)
    assert answer.status < 500 or answer.status == 503, answer.body
    said = set(_UUID.findall(json.dumps([path_ids, query, body])))
    told = answer.body.decode() + json.dumps(answer.headers)
    assert them.seen_in(told, besides=said) == []
    foreign = {name for name, one in path_ids.items() if one in them.all_ids - us.all_ids}
    if foreign:
        assert answer.status in (403, 404, 422, 428), answer.body
        nowhere = {n: str(uuid4()) if n in foreign else one for n, one in path_ids.items()}
        assert _plain(ask(nowhere), nowhere) == _plain(answer, path_ids)
    assert rows_of(database, them) == before


def test_what_they_have_is_no_duplicate_for_us(
    us: Tenant, them: Tenant, call: Call, outside: None, database: Database
) -> None:
    """A unique address of theirs is free here, so nobody learns that they have it."""
    made = call(
        contacts,
        "POST",
        "/api/v1/contacts",
        {"name": "A", "email": them.email},
        workspace=us.workspace,
    )
    assert made.status == 201


# What is delivered


def _consumers() -> Iterator[tuple[str, Consumer, str, str | None]]:
    """Every queue's consumer of events, each event that it reacts to, and as whom it does."""
    for one in declared():
        if one.function.queue and one.function.queue.listens:
            module = import_module(one.entry.rpartition(".")[0])
            for listened in one.function.queue.hears(all_events()):
                yield one.name, module.consumer, listened, one.function.role


@pytest.mark.parametrize(
    ("consumer", "kind", "role"),
    [
        pytest.param(consumer, kind, role, id=f"{name}-{kind}")
        for name, consumer, kind, role in _consumers()
    ],
)
def test_an_event_of_ours_that_names_theirs_reaches_nothing_of_theirs(
    us: Tenant,
    them: Tenant,
    deliver: Callable[..., list[str]],
    outside: None,
    database: Database,
    consumer: Consumer,
    kind: str,
    role: str,
) -> None:
    before = rows_of(database, them)
    for identifier in sorted(them.all_ids):
        event = _event(kind, us, identifier)
        assert deliver(consumer.handler, event, role=role) == []
        assert event.workspace_id == us.workspace.id
    assert rows_of(database, them) == before
    said = them.all_ids  # the events themselves named them
    assert them.seen_in(json.dumps(rows_of(database, us)), besides=said) == []


def _event(kind: str, us: Tenant, identifier: str) -> Event:
    """The golden sample of an event, as ours, about `identifier` wherever it names something."""
    (path,) = (ROOT / "events" / "samples").glob(f"{kind}.v1.json")
    sample = json.loads(path.read_text())
    for name, value in sample.items():
        if isinstance(value, str) and _UUID.fullmatch(value):
            sample[name] = identifier
    named = {"id": str(uuid4()), "workspace_id": str(us.workspace.id)}
    return all_events()[kind].model_validate(sample | named)


def test_our_feed_is_about_ours_alone(
    us: Tenant, them: Tenant, call: Call, database: Database, outside: None
) -> None:
    """Both work at the same time, on the same warm functions."""
    for n in range(10):
        for tenant in (us, them):
            name = f"{tenant.mark} {n}"
            made = call(
                contacts, "POST", "/api/v1/contacts", {"name": name}, workspace=tenant.workspace
            )
            assert made.status == 201
    for tenant, other in ((us, them), (them, us)):
        feed = database.admin(
            "select payload, position from event_log where workspace_id = %(w)s order by position",
            w=tenant.workspace.id,
        )
        assert len(feed) == 11
        assert other.seen_in(json.dumps([one["payload"] for one in feed])) == []
        listed = call(contacts, "GET", "/api/v1/contacts", workspace=tenant.workspace)
        assert len(listed.json["items"]) == 11
        assert other.seen_in(listed.body.decode()) == []
