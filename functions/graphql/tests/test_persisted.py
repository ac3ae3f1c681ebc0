"""Persisted queries, against a real Valkey in cluster mode."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from functions.graphql.api import handler
from functions.graphql.tests.scenes import URL, codes_of, data_of
from shared import cache
from shared.testing import Answer, Call, NewWorkspace, Workspace

_QUERY = "{ workspace { name } }"


@pytest.fixture
def connected(valkey: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HASTE_CACHE_URL", valkey.url)


def _hash(query: str) -> str:
    return sha256(query.encode()).hexdigest()


def _ask(call: Call, hashed: str, query: str | None = None, **options: Any) -> Answer:
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": hashed}}
    body = {"extensions": extensions} | ({"query": query} if query else {})
    return call(handler, "POST", URL, body, **options)


@pytest.mark.usefixtures("connected")
def test_what_was_sent_once_needs_its_hash_alone(call: Call) -> None:
    unknown = _ask(call, _hash(_QUERY))
    [error] = unknown.json["errors"]
    assert (unknown.status, error["message"]) == (200, "PersistedQueryNotFound")
    assert error["extensions"]["code"] == "persisted_query_not_found"
    assert data_of(_ask(call, _hash(_QUERY), _QUERY)) == {"workspace": {"name": "Test"}}
    assert data_of(_ask(call, _hash(_QUERY))) == {"workspace": {"name": "Test"}}


@pytest.mark.usefixtures("connected")
def test_it_can_be_asked_for_by_a_get(call: Call) -> None:
    said = f'{{"persistedQuery": {{"version": 1, "sha256Hash": "{_hash(_QUERY)}"}}}}'
    assert codes_of(call(handler, "GET", f"{URL}?extensions={said}")) == [
        "persisted_query_not_found"
    ]
    _ask(call, _hash(_QUERY), _QUERY)
    assert data_of(call(handler, "GET", f"{URL}?extensions={said}"))


@pytest.mark.usefixtures("connected")
def test_nobody_finds_what_another_workspace_sent(call: Call, new_workspace: NewWorkspace) -> None:
    _ask(call, _hash(_QUERY), _QUERY)
    answer = _ask(call, _hash(_QUERY), workspace=new_workspace())
    assert codes_of(answer) == ["persisted_query_not_found"]


@pytest.mark.usefixtures("connected")
def test_it_is_forgotten_after_a_week(call: Call, workspace: Workspace) -> None:
    _ask(call, _hash(_QUERY), _QUERY)
    left = cache.connected().ttl(f"crm:{workspace.id}:graphql:{_hash(_QUERY)}")
    assert 6 * 24 * 3600 < left <= 7 * 24 * 3600


@pytest.mark.usefixtures("connected")
def test_a_hash_of_something_else_is_refused(call: Call) -> None:
    answer = _ask(call, _hash("{ other }"), _QUERY)
    assert codes_of(answer) == ["invalid_document"]
    assert codes_of(_ask(call, _hash("{ other }"))) == ["persisted_query_not_found"]


_COSTLY = "{ contacts(first: 200) { nodes { tasks { nodes { id } } } } }"


@pytest.mark.usefixtures("connected")
@pytest.mark.parametrize("query", ["{ nothing }", "{", _COSTLY])
def test_what_cannot_be_answered_is_not_remembered(call: Call, query: str) -> None:
    assert codes_of(_ask(call, _hash(query), query)) != []
    assert codes_of(_ask(call, _hash(query))) == ["persisted_query_not_found"]


@pytest.mark.parametrize(
    "said",
    [
        {"version": 2, "sha256Hash": _hash(_QUERY)},
        {"version": 1, "sha256Hash": "x"},
        {"version": 1, "sha256Hash": "a:b" * 22},
        {"version": 1},
    ],
)
def test_what_is_no_hash_is_a_problem(call: Call, said: dict[str, Any]) -> None:
    answer = call(handler, "POST", URL, {"extensions": {"persistedQuery": said}})
    assert (answer.status, answer.json["code"]) == (422, "unprocessable")


def test_without_the_cache_documents_are_answered_all_the_same(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HASTE_CACHE_URL", "redis://127.0.0.1:1")
    assert data_of(_ask(call, _hash(_QUERY), _QUERY))
    assert codes_of(_ask(call, _hash(_QUERY))) == ["persisted_query_not_found"]
