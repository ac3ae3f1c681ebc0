"""Documents that mean harm are refused before anything is read, and cost little to refuse."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import get_introspection_query

from functions.graphql.api import handler
from functions.graphql.cost import LIMIT, STATEMENT
from functions.graphql.limits import (
    DEEPEST,
    MOST_ALIASES,
    MOST_DIRECTIVES,
    MOST_FIELDS,
    MOST_OPERATIONS,
)
from functions.graphql.models import LONGEST_DOCUMENT
from functions.graphql.plans import MOST_VALUES
from functions.graphql.tests.scenes import URL, ask, codes_of, data_of, settle, statements
from shared.testing import Call, Database, Workspace


def _wrong(answer: Any) -> list[str]:
    """The codes of what is wrong with a document."""
    assert "data" not in answer.json, answer.json
    [error] = answer.json["errors"]
    assert error["extensions"]["code"] == "too_complex"
    return [one["code"] for one in error["extensions"]["errors"]]


def _nested(levels: int) -> str:
    deep = "contact { tasks(first: 1) { nodes { " * levels
    return f"{{ tasks(first: 1) {{ nodes {{ {deep} id {'} } } ' * levels} }} }} }}"


def _doubling(depth: int) -> str:
    """Fragments that each spread the next one twice: 2^depth of the last one's fields."""
    fragments = "".join(
        f"fragment F{n} on Query {{ ...F{n + 1} a: __typename ...F{n + 1} }}" for n in range(depth)
    )
    return f"{{ ...F0 }} {fragments} fragment F{depth} on Query {{ __typename }}"


def _spread(times: int) -> str:
    """A fragment with as many aliases as are allowed, spread so often."""
    names = " ".join(f"a{n}: name" for n in range(MOST_ALIASES))
    uses = " ".join(f"contact(id: {n}) {{ ...F }}" for n in range(times))
    return f"{{ {uses} }} fragment F on Contact {{ {names} }}"


_HOSTILE: list[tuple[str, str, list[str]]] = [
    ("deep", _nested(4), ["too_deep"]),
    ("aliases", f"{{ {' '.join(f'a{n}: __typename' for n in range(60))} }}", ["too_many_aliases"]),
    ("fields", f"{{ {'__typename ' * (MOST_FIELDS + 1)} }}", ["too_many_fields", "too_many_alike"]),
    ("directives", f"{{ __typename {'@include(if: true) ' * 60} }}", ["too_many_directives"]),
    (
        "operations",
        " ".join(f"query Q{n} {{ __typename }}" for n in range(MOST_OPERATIONS + 1)),
        ["too_many_definitions"],
    ),
    (
        "fragments",
        "{ ...F0 } " + " ".join(f"fragment F{n} on Query {{ __typename }}" for n in range(50)),
        ["too_many_definitions"],
    ),
    ("alike", f"{{ {'contacts { nodes { id } } ' * 11} }}", ["too_many_alike"]),
    ("alike within", f"{{ {'... on Query { workspace { id } } ' * 11} }}", ["too_many_alike"]),
    ("aliases in fragments", _spread(2), ["too_many_aliases"]),
    ("doubling fragments", _doubling(45), ["too_many_fields", "too_many_aliases"]),
]


@pytest.mark.parametrize(
    ("query", "codes"), [one[1:] for one in _HOSTILE], ids=[one[0] for one in _HOSTILE]
)
def test_what_is_too_large_is_refused(
    call: Call, query: str, codes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with statements(monkeypatch) as asked:
        assert _wrong(ask(call, query)) == codes
    assert asked == []


_INVALID = {
    "tokens": "{ __typename } # " + "x\n{ a }" * 2_000,
    "text": f'{{ contact(id: "{"x" * LONGEST_DOCUMENT}") {{ id }} }}',
    "comments": "#\n" * 1_000 + "{ __typename }",
    "braces": "{ a " * 900 + "} " * 900,
    "brackets": "{ contacts(filter: " + "[" * 900 + "]" * 900 + ") { nodes { id } } }",
    "a circle": "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
    "a circle of one": """
        { contacts { nodes { ...A } } }
        fragment A on Contact { tasks { nodes { contact { ...A } } } }
    """,
    "introspection in circles": """
        { __schema { types { fields { type { fields { type { fields { name } } } } } } } }
    """,
    "a subscription": "subscription { contacts { nodes { id } } }",
    "a type": "type Query { a: Int }",
    "nothing": "",
    "no operation": "fragment A on Contact { id }",
    "the same twice": "{ contacts(first: 1) { nodes { id } } contacts(first: 2) { nodes { id } } }",
}


@pytest.mark.parametrize("name", _INVALID)
def test_what_is_no_valid_document_is_refused(
    call: Call, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with statements(monkeypatch) as asked:
        answer = call(handler, "POST", URL, {"query": _INVALID[name]})
    assert asked == []
    if answer.status == 422:  # too long for its model
        assert answer.json["errors"][0]["pointer"] == "/query"
        return
    assert answer.status == 200
    assert set(codes_of(answer)) == {"invalid_document"}, answer.json
    assert "data" not in answer.json


def test_a_document_may_be_as_deep_as_is_allowed(call: Call) -> None:
    data_of(ask(call, _nested(2)))
    assert DEEPEST == 10
    edges = """
        { contacts(first: 2) { edges { node { tasks { edges { node {
          email { thread { mailbox { address } } }
        } } } } } } }
    """
    data_of(ask(call, edges))
    assert _wrong(ask(call, edges.replace("address", "x { y }"))) == ["too_deep"]


def test_a_directive_may_be_used_as_often_as_is_allowed(call: Call) -> None:
    each = " ".join(f"a{n}: __typename @include(if: true)" for n in range(MOST_DIRECTIVES))
    assert len(data_of(ask(call, f"{{ {each} }}"))) == MOST_DIRECTIVES


_COSTS: list[tuple[str, dict[str, Any], int]] = [
    ("{ __typename }", {}, 0),
    ("{ workspace { name } }", {}, 1 + STATEMENT),
    ("{ contacts { nodes { name } } }", {}, 25 + STATEMENT),
    ("{ contacts(first: 7) { nodes { name } } }", {}, 7 + STATEMENT),
    ("query ($n: Int = 9) { contacts(last: $n) { nodes { name } } }", {}, 9 + STATEMENT),
    ("query ($n: Int) { contacts(first: $n) { nodes { id } } }", {"n": 50}, 50 + STATEMENT),
    ("{ contacts(first: 3) { totalCount } }", {}, 2 * STATEMENT),
    ("{ contacts(first: 3) { nodes { name } edges { node { name } } } }", {}, 6 + STATEMENT),
    (
        "{ contacts(first: 10) { nodes { tasks(first: 5) { nodes { id contact { id } } } } } }",
        {},
        10 * (1 + 5 * 2) + 3 * STATEMENT,
    ),
    (
        "{ contacts(first: 2) { nodes { ...T ...T } } }"
        " fragment T on Contact { tasks(first: 3) { nodes { id } } }",
        {},
        2 * (1 + 2 * 3) + 3 * STATEMENT,
    ),
    ("{ emails(first: 4) { nodes { content { text } } } }", {}, 4 * 21 + 2 * STATEMENT),
    ("query ($i: [ID!]!) { nodes(ids: $i) { id } }", {"i": ["a", "b"]}, 2 + 2 * STATEMENT),
    ('mutation { createTask(input: {title: "A"}) { task { id } } }', {}, 1 + 6 * STATEMENT),
]


@pytest.mark.parametrize(("query", "variables", "cost"), _COSTS)
def test_what_a_document_costs(
    call: Call, query: str, variables: dict[str, Any], cost: int
) -> None:
    answer = ask(call, query, variables)
    data_of(answer)
    assert answer.json["extensions"] == {"cost": {"requested": cost, "limit": LIMIT}}


def test_what_costs_too_much_is_refused_with_its_price(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    costly = "{ contacts(first: 200) { nodes { tasks { nodes { id } } } } }"
    with statements(monkeypatch) as asked:
        answer = ask(call, costly)
    assert asked == []
    assert _wrong(answer) == ["too_costly"]
    assert answer.json["extensions"] == {"cost": {"requested": 5220, "limit": LIMIT}}


def test_a_client_may_ask_for_the_whole_schema(call: Call) -> None:
    answer = ask(call, get_introspection_query())
    assert data_of(answer)["__schema"]["queryType"]["name"] == "Query"
    assert 0 < answer.json["extensions"]["cost"]["requested"] < LIMIT / 4


def test_the_schema_many_times_costs_too_much(call: Call) -> None:
    fields = "fields { args { name } type { fields { args { name } } } }"
    asked = " ".join(f"a{n}: __schema {{ types {{ {fields} }} }}" for n in range(50))
    assert _wrong(ask(call, f"{{ {asked} }}")) == ["too_costly"]


def test_an_answer_that_is_too_large_is_none(
    call: Call, database: Database, workspace: Workspace
) -> None:
    settle(database, workspace, 40)
    long = "x" * 100_000
    database.admin(
        "update email_bodies set text = %(text)s where workspace_id = %(w)s",
        text=long,
        w=workspace.id,
    )
    asked = "{ emails(first: 80) { nodes { content { text } } } }"
    answer = ask(call, asked)
    assert (answer.json["data"], codes_of(answer)) == (None, ["answer_too_large"])
    assert data_of(ask(call, asked.replace("80", "40")))


@pytest.mark.parametrize(
    "variables",
    [
        {"f": ["x"] * 300_000},
        {"f": {str(n): [n] * 100 for n in range(3_000)}},
        {"f": [[["x"]]] * 9_000},
        {f"v{n}": n for n in range(MOST_VALUES + 1)},
    ],
)
def test_more_variables_than_anybody_needs_are_refused(
    call: Call, variables: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    query = "query ($f: JSON) { contacts(filter: $f) { nodes { id } } }"
    with statements(monkeypatch) as asked:
        answer = ask(call, query, variables)
    assert asked == []
    [wrong] = answer.json["errors"][0]["extensions"]["errors"]
    assert (wrong["pointer"], wrong["code"]) == ("/variables", "too_many_values")


@pytest.mark.parametrize(
    "body", [[], [{"query": "{ __typename }"}], {}, {"query": 1}, {"query": None}, "x", None, b"{"]
)
def test_what_is_no_question_is_a_problem(call: Call, body: Any) -> None:
    answer = call(handler, "POST", URL, body)
    assert answer.status in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_answer_is_of_the_type_that_is_asked_for(call: Call) -> None:
    own = {"Accept": "application/graphql-response+json"}
    good = ask(call, "{ __typename }", headers=own)
    assert good.headers["content-type"] == "application/graphql-response+json"
    bad = call(handler, "POST", URL, {"query": "{"}, headers=own)
    assert (bad.status, codes_of(bad)) == (400, ["invalid_document"])
    assert ask(call, "{").headers["content-type"] == "application/json"


def test_an_operation_is_picked_by_its_name(call: Call) -> None:
    both = "query A { a: __typename } query B { b: __typename }"
    for name, found in (("A", {"a": "Query"}), ("B", {"b": "Query"})):
        answer = call(handler, "POST", URL, {"query": both, "operationName": name})
        assert data_of(answer) == found
    for name in (None, "C"):
        answer = call(handler, "POST", URL, {"query": both, "operationName": name})
        assert codes_of(answer) == ["invalid_document"]
        [wrong] = answer.json["errors"][0]["extensions"]["errors"]
        assert wrong["pointer"] == "/operationName"


def test_a_query_may_be_a_get_and_a_mutation_may_not(call: Call) -> None:
    query = "query ($n: Int!) { contacts(first: $n) { nodes { id } } }"
    answer = call(handler, "GET", f'{URL}?query={query}&variables={{"n": 1}}')
    assert data_of(answer) == {"contacts": {"nodes": []}}
    change = 'mutation { createContact(input: {name: "A"}) { contact { id } } }'
    refused = call(handler, "GET", f"{URL}?query={change}")
    assert codes_of(refused) == ["change_by_get"]
    wrong = call(handler, "GET", f"{URL}?query={query}&variables=1")
    assert (wrong.status, wrong.json["errors"][0]["pointer"]) == (422, "/query/variables")
