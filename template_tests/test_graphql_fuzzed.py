"""GraphQL documents of every shape: nobody is shown another workspace, nothing fails on our side,
and nothing takes more work than was reckoned.

The documents are made from the schema, so a field that is added tomorrow is asked for tomorrow.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from graphql import parse_const_value
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import Mode, from_schema, nodes

from functions.graphql.api import handler
from functions.graphql.cost import LIMIT
from functions.graphql.ids import decode_id, encode_id
from functions.graphql.models import Question
from functions.graphql.plans import Invalid, make_plan
from functions.graphql.schema import whole_schema
from functions.graphql.tests.scenes import URL, statements
from shared.cursors import encode_cursor
from shared.errors import HasteError
from shared.testing import Call, Database, Workspace
from template_tests.tenants import Tenant, move_in, rows_of

SCHEMA = whole_schema()
SDL = SCHEMA.as_str()
KINDS = [name for name, kind in SCHEMA.kinds.items() if kind.find]
EXAMPLES = 150
HOLD_UP = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
    ],
)


@pytest.fixture
def us(database: Database, new_workspace: Callable[[], Workspace]) -> Tenant:
    return move_in(database, new_workspace)


@pytest.fixture
def them(database: Database, new_workspace: Callable[[], Workspace]) -> Tenant:
    return move_in(database, new_workspace)


def _ids(tenant: Tenant) -> st.SearchStrategy[str]:
    """Any id of a workspace's, as a UUID or as what names it in GraphQL."""
    uuids = st.sampled_from(sorted(tenant.all_ids))
    named = st.builds(lambda kind, one: encode_id(kind, UUID(one)), st.sampled_from(KINDS), uuids)
    return uuids | named


def _filters(values: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    fields = ["contact_id", "email_id", "owner_id", "mailbox_id", "thread_id", "name", "email"]
    tests = st.fixed_dictionaries(
        {"field": st.sampled_from(fields), "op": st.sampled_from(["eq", "ne"]), "value": values}
    )
    return st.recursive(
        tests,
        lambda parts: (
            st.builds(lambda several: {"any": several}, st.lists(parts, max_size=3))
            | st.builds(lambda part: {"not": part}, parts)
        ),
        max_leaves=4,
    )


def _literal(value: Any) -> Any:
    """JSON as a value of a document."""
    return parse_const_value(re.sub(r'"(\w+)":', r"\1:", json.dumps(value)))


def _documents(*tenants: Tenant, mode: Mode = Mode.POSITIVE) -> st.SearchStrategy[str]:
    """Documents that fit the schema, and speak of what these have."""
    ids = st.one_of([_ids(one) for one in tenants])
    uuids = st.sampled_from(sorted({one for tenant in tenants for one in tenant.all_ids}))
    cursors = uuids.map(lambda one: encode_cursor((datetime.now(UTC), UUID(one))))
    words = st.sampled_from(["created_at", "name", "ada@example.com", "", "\x00", "\u2028"])
    return from_schema(
        SDL,
        custom_scalars={
            "ID": (ids | st.text(max_size=5)).map(nodes.String),
            "Int": st.sampled_from([1, 1, 2, 3, 5, 0, -1, 200, 2**31 - 1]).map(nodes.Int),
            "String": (cursors | words | uuids).map(nodes.String),
            "JSON": _filters(uuids).map(_literal),
            "DateTime": st.sampled_from(["2026-03-01T10:00:00Z", "1", ""]).map(nodes.String),
            "UUID": uuids.map(nodes.String),
        },
        mode=mode,
    )


def _plain(text: str) -> str:
    """An answer without what differs between any two."""
    return re.sub(r'"request_id":"[^"]*"', "", text)


def _with_strangers(document: str, them: Tenant) -> tuple[str, dict[str, str]]:
    """A document in which nothing is named that is theirs, but what there never was; and what each
    of these was.
    """
    instead: dict[str, str] = {}
    for one in sorted(them.all_ids):
        nobody = uuid4()
        instead[str(nobody)] = one
        document = document.replace(one, str(nobody))
        for kind in KINDS:
            ours, new = encode_id(kind, UUID(one)), encode_id(kind, nobody)
            instead[new] = ours
            document = document.replace(ours, new)
    return document, instead


@given(data=st.data())
@HOLD_UP
def test_no_document_shows_or_touches_what_is_theirs(
    data: st.DataObject, us: Tenant, them: Tenant, call: Call, database: Database
) -> None:
    before = rows_of(database, them)
    document = data.draw(_documents(us, them, them))

    def ask(text: str) -> str:
        answer = call(handler, "POST", URL, {"query": text}, workspace=us.workspace)
        assert answer.status == 200
        return answer.body.decode()

    changes = document.lstrip().startswith("mutation")
    told = ask(document)
    said = {one for one in them.all_ids if one in _decoded(document)}
    assert them.seen_in(_decoded(told), besides=said) == []
    assert rows_of(database, them) == before
    if not changes:  # for what changes, the second time is another
        strange, instead = _with_strangers(document, them)
        answer = ask(strange)
        for new, old in instead.items():
            answer = answer.replace(new, old)
        assert _plain(answer) == _plain(told)


def _decoded(text: str) -> str:
    """A text with the UUIDs beside it that its global ids and cursors stand for."""
    named = (decode_id(word) for word in re.findall(r"[\w-]{40,}", text))
    return text + " ".join(str(one.id) for one in named if one)


@pytest.mark.parametrize("mode", list(Mode), ids=lambda mode: mode.name)
@given(data=st.data())
@HOLD_UP
def test_no_document_fails_on_our_side_or_takes_more_than_was_reckoned(
    data: st.DataObject, mode: Mode, us: Tenant, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = data.draw(_documents(us, mode=mode))
    with statements(monkeypatch) as asked:
        answer = call(handler, "POST", URL, {"query": document}, workspace=us.workspace)
    assert answer.status == 200
    codes = [error["extensions"]["code"] for error in answer.json.get("errors", [])]
    assert "haste_error" not in codes, (document, answer.json)
    try:
        cost = make_plan(document, Question(query=document)).bill.cost
    except (Invalid, HasteError):
        assert asked == []
        return
    written = sum(one.startswith("with bumped") for one in asked)  # the events, at the end
    assert len(asked) - written <= (cost.statements if cost.requested <= LIMIT else 0), document


_PIECES = st.sampled_from(
    [
        *("{", "}", "(", ")", "[", "]", ":", "!", "$x", "...", "@include(if: true)", "&", "|", "="),
        *("query", "mutation", "subscription", "fragment F on Contact", "...F", "on", "null"),
        *("contacts", "nodes", "edges", "node", "tasks", "first: 1", "id", "__typename"),
        *(
            "__schema",
            "types",
            "createContact",
            'input: {name: "A"}',
            '"""',
            '"',
            "#",
            "\\",
            "\ud800",
        ),
        *("-1", "1e999", "9" * 400, "{" * 300, "[" * 300, "\x00", "\ufeff", "a" * 3000),
    ]
)


@given(
    pieces=st.lists(_PIECES | st.text(max_size=5), max_size=25),
    variables=st.none() | st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3)),
    name=st.none() | st.text(max_size=5),
)
@HOLD_UP
def test_no_text_at_all_fails_on_our_side(
    pieces: list[str], variables: dict[str, Any] | None, name: str | None, us: Tenant, call: Call
) -> None:
    body = {"query": " ".join(pieces), "variables": variables, "operationName": name}
    answer = call(handler, "POST", URL, body, workspace=us.workspace)
    if answer.status == 422:  # half a surrogate pair, which is no text; or too much of it
        assert {one["pointer"] for one in answer.json["errors"]} <= {"/query", "/operationName"}
        return
    assert answer.status == 200, answer.body
    codes = [error["extensions"]["code"] for error in answer.json.get("errors", [])]
    assert "haste_error" not in codes, answer.json


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=()), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)
_CREATE = "mutation ($input: NewTask!) { createTask(input: $input) { task { id } } }"
_LIST = """
    query ($f: JSON, $s: Sort, $n: Int) {
      tasks(filter: $f, sort: $s, first: $n) { nodes { id } }
    }
"""


@given(
    given_task=st.fixed_dictionaries(
        {"title": _JSON}, optional={"dueAt": _JSON, "contactId": _JSON}
    ),
    asked=st.fixed_dictionaries({"f": _JSON, "n": _JSON}),
    order=st.fixed_dictionaries({"field": st.text(max_size=10)}) | _JSON,
)
@HOLD_UP
def test_no_variable_fails_on_our_side(
    given_task: Any, asked: dict[str, Any], order: Any, us: Tenant, call: Call
) -> None:
    for query, variables in ((_CREATE, {"input": given_task}), (_LIST, {**asked, "s": order})):
        body = {"query": query, "variables": variables}
        answer = call(handler, "POST", URL, body, workspace=us.workspace)
        assume(answer.status != 400)  # no JSON, as `NaN`
        assert answer.status == 200, answer.body
        codes = [error["extensions"]["code"] for error in answer.json.get("errors", [])]
        assert "haste_error" not in codes, answer.json
