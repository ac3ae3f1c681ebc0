"""Filters compiled to SQL: real Postgres lets through exactly the rows that `matches` does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, LiteralString
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.activities.fields import TASKS
from functions.contacts.fields import CONTACTS
from shared import db
from shared.access import EVERYTHING
from shared.db import Tx, connection
from shared.filters import (
    BOOLEAN,
    ID,
    INSTANT,
    NUMBER,
    TEXT,
    TEXTS,
    AllOf,
    AnyOf,
    Catalogue,
    Column,
    Filter,
    Leaf,
    Limits,
    Listing,
    Not,
    Object,
    choice,
    matches,
    parse,
    to_sql,
)
from shared.filters.model import OPERATORS
from shared.ids import uuid7
from shared.testing import Database, Workspace

_COLUMNS = {
    "sender": Column(TEXT, "r.sender"),
    "sentiment": Column(choice("positive", "neutral", "negative"), "r.sentiment"),
    "amount": Column(NUMBER, "r.amount"),
    "score": Column(NUMBER, "r.score", number="float8"),
    "reply_needed": Column(BOOLEAN, "r.reply_needed"),
    "received_at": Column(INSTANT, "r.received_at"),
    "mailbox_id": Column(ID, "r.mailbox_id"),
    "tags": Column(TEXTS, "r.tags"),
}
MAILS = Object("mails", _COLUMNS)
_PROPERTY = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# Few letters, so that texts meet: some have an unusual lower case, or a meaning to LIKE or to SQL.
_LETTERS = "".join(
    [
        "aAİ\N{LATIN SMALL LETTER DOTLESS I}iIßẞ\N{LATIN SMALL LETTER LONG S}sS",
        "Σ\N{GREEK SMALL LETTER SIGMA}ςKkKǅdžéÉ\u0301%_\\'\"\n {}$ﬁ😀",
    ]
)
_TEXTS = st.text(alphabet=_LETTERS, max_size=5) | st.text(
    alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5
)
_ZONES = [UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-11))]
_SOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
_INSTANTS = st.tuples(
    st.sampled_from([-1, 0, 1, 10**6]) | st.integers(-(10**15), 10**15), st.sampled_from(_ZONES)
).map(lambda one: (_SOON + timedelta(microseconds=one[0])).astimezone(one[1]))
_IDS = st.integers(1, 4).map(lambda n: UUID(int=n << 64)) | st.uuids()
_INTEGERS = st.integers(-3, 3) | st.sampled_from(
    [2**53 - 1, 2**53, 2**53 + 1, 2**62, 2**63 - 1, -(2**63) + 1]
)
_FLOATS = (
    st.sampled_from([0.0, -0.0, 0.1, 0.5, 2.0**53, 2.0**53 + 2, 2.0**62, -2.5])
    | st.floats(-3, 3)
    | st.floats(-(2.0**62), 2.0**62)
)
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": _TEXTS,
    "number": _INTEGERS | _FLOATS,
    "boolean": st.booleans(),
    "instant": _INSTANTS,
    "id": _IDS,
    "texts": _TEXTS,
}


@st.composite
def _leaves(draw: st.DrawFn, catalogue: Catalogue) -> dict[str, Any]:
    field = draw(st.sampled_from(sorted(catalogue)))
    kind = catalogue[field]
    op = draw(st.sampled_from(OPERATORS[kind.kind]))
    values = st.sampled_from(kind.choices) if kind.choices else _VALUES[kind.kind]
    value: Any
    if op == "exists":
        value = draw(st.booleans())
    elif op in ("in", "not_in"):
        value = [_written(one) for one in draw(st.lists(values, min_size=1, max_size=4))]
    else:
        some = values.filter(bool) if op in ("contains", "starts_with") else values
        value = _written(draw(some))
    return {"field": field, "op": op, "value": value}


def _written(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str) else str(value)


def _filters(catalogue: Catalogue) -> st.SearchStrategy[Filter]:
    def groups(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        lists = st.lists(parts, max_size=3)
        return (
            lists.map(lambda found: {"all": found})
            | lists.map(lambda found: {"any": found})
            | parts.map(lambda found: {"not": found})
        )

    room = Limits(depth=30)
    trees = st.recursive(_leaves(catalogue), groups, max_leaves=8)
    return trees.map(lambda raw: parse(raw, catalogue, limits=room))


_ROW_VALUES = {
    "sender": _TEXTS,
    "sentiment": st.sampled_from(_COLUMNS["sentiment"].type.choices),
    "amount": _INTEGERS,
    "score": _FLOATS,
    "reply_needed": st.booleans(),
    "received_at": _INSTANTS,
    "mailbox_id": _IDS,
    "tags": st.lists(_TEXTS, max_size=3),
}
_ROWS = st.fixed_dictionaries({name: st.none() | one for name, one in _ROW_VALUES.items()})
_MAILS: LiteralString = """
    select n from jsonb_to_recordset(%(rows)s::jsonb) as r (n int, sender text, sentiment text,
        amount bigint, score float8, reply_needed boolean, received_at timestamptz,
        mailbox_id uuid, tags text[])
"""


def _let_through(tx: Tx, tree: Filter, rows: list[dict[str, Any]]) -> list[int]:
    condition = to_sql(tree, _COLUMNS)
    written = json.dumps([{**row, "n": n} for n, row in enumerate(rows)], default=str)
    query = _MAILS + " where " + condition.sql + " order by n"
    with tx.savepoint():
        return tx.all(int, query, **condition.params, rows=written)


@given(tree=_filters(MAILS.catalogue), rows=st.lists(_ROWS, max_size=6))
@_PROPERTY
def test_every_kind_of_field_is_compared_as_in_memory(
    tx: Tx, tree: Filter, rows: list[dict[str, Any]]
) -> None:
    expected = [n for n, row in enumerate(rows) if matches(tree, row)]
    assert _let_through(tx, tree, rows) == expected


@pytest.mark.parametrize(
    ("field", "op", "wanted", "value"),
    [
        ("sender", "contains", "İ", "xi"),
        ("sender", "contains", "\N{GREEK SMALL LETTER SIGMA}", "ΟΔΟΣ"),
        ("sender", "starts_with", "ς", "Σ"),
        ("sender", "contains", "SS", "ß"),
        ("sender", "contains", "%", "100"),
        ("sender", "contains", "_", "a"),
        ("sender", "starts_with", "\\", "\\x"),
        ("sender", "eq", "", ""),
        ("sender", "eq", "e\u0301", "é"),
        ("amount", "eq", 2.0**53, 2**53 + 1),
        ("amount", "lt", 0.5, 0),
        ("score", "eq", 2**53 + 1, 2.0**53),
        ("score", "lt", 2**53 + 1, 2.0**53),
        ("score", "eq", 0, -0.0),
        ("tags", "contains", "vip", ["VIP"]),
        ("tags", "exists", True, []),
    ],
)
def test_these_too(tx: Tx, field: str, op: Any, wanted: Any, value: Any) -> None:
    """What goes wrong first, whatever the examples above are."""
    rows = [{field: value}, {field: None}]
    for tree in (Leaf(field, op, wanted), Not(Leaf(field, op, wanted))):
        expected = [n for n, row in enumerate(rows) if matches(tree, row)]
        assert _let_through(tx, tree, rows) == expected


# As crm_app, in the tables there are


@pytest.fixture(scope="module")
def place(database: Database) -> Workspace:
    """A workspace with contacts and tasks of many kinds, beside another with the same."""
    makers = [Workspace(uuid7(), uuid7()) for _ in range(2)]
    for one in makers:
        database.admin(
            """
            with person as (insert into users (id, email, name, password_hash)
                values (%(u)s, %(u)s::text || '@example.com', 'O', 'none')),
            place as (insert into workspaces (id, name) values (%(w)s, 'Test'))
            insert into memberships (workspace_id, user_id, role) values (%(w)s, %(u)s, 'owner')
            """,
            u=one.user_id,
            w=one.id,
        )
        _furnish(database, one)
    return makers[0]


def _furnish(database: Database, one: Workspace) -> None:
    texts = [None, *_LETTERS, "İstanbul", "ΟΔΟΣ", "50% off_\\", "Straße", "a'b", "A.B"]
    for n, text in enumerate(texts):
        given = {
            "w": one.id,
            "id": UUID(int=(n + 1) << 64),
            "owner": one.user_id if n % 3 else None,
            "text": text,
            "name": text or "nobody",
            "email": f"p{n}@example.com" if n % 2 else None,
            "tags": [text, "vip"] if text and n % 4 else [],
            "at": _SOON + timedelta(microseconds=n - 10),
            "due": _SOON + timedelta(microseconds=n - 10) if n % 3 else None,
            "status": "open" if n % 2 else "done",
            "mail": UUID(int=(n % 4) << 64) if n % 4 else None,
        }
        database.admin(
            """
            insert into contacts (workspace_id, id, name, email, phone, company, tags, owner_id,
                created_at, updated_at)
            values (%(w)s, %(id)s, %(name)s, %(email)s, left(%(text)s, 40), %(text)s, %(tags)s,
                %(owner)s, %(at)s, %(at)s)
            """,
            **given,
        )
        database.admin(
            """
            insert into tasks (workspace_id, id, title, status, due_at, contact_id, email_id,
                created_by, owner_id, created_at, updated_at)
            values (%(w)s, %(id)s, %(name)s, %(status)s, %(due)s,
                case when %(owner)s::uuid is null then null else %(id)s end, %(mail)s, 'system',
                %(owner)s, %(at)s, %(at)s)
            """,
            **given,
        )


@pytest.fixture
def inside(as_role: Callable[[str], None], place: Workspace) -> Iterator[Tx]:
    """A transaction there as crm_app, under row-level security."""
    with db.transaction(place.id, user_id=place.user_id, access=EVERYTHING) as opened:
        yield opened


def _select(of: Object) -> Any:
    fields = ", ".join(column.sql + " as " + name for name, column in of.columns.items())
    return f"select id, {fields} from {of.name} where workspace_id = %(workspace_id)s and "  # noqa: S608


Rows = list[dict[str, Any]]


@pytest.mark.parametrize("of", [CONTACTS, TASKS], ids=lambda one: one.name)
@given(data=st.data())
@_PROPERTY
def test_tables_under_row_level_security_say_the_same(
    inside: Tx, of: Object, data: st.DataObject
) -> None:
    tree = data.draw(_filters(of.catalogue))
    everything: Rows = inside.all(dict, _select(of) + "true")
    assert len(everything) > 40
    expected = {row["id"] for row in everything if matches(tree, row)}
    page = Listing(of, tree, limit=200).page()
    found: Rows = inside.all(dict, _select(of) + page.sql, **page.params)
    assert {row["id"] for row in found} == expected
    ten = Listing(of, tree).up_to(10)
    some: Rows = inside.all(dict, _select(of) + ten.sql, **ten.params)
    assert len(some) == min(len(expected), 10)


@pytest.mark.parametrize("of", [CONTACTS, TASKS], ids=lambda one: one.name)
@given(data=st.data())
@_PROPERTY
def test_pages_of_every_order_make_up_the_list(inside: Tx, of: Object, data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(of.sortable(frozenset())))
    descending, limit = data.draw(st.booleans()), data.draw(st.integers(1, 20))
    order = of.order(field, descending=descending, hidden=frozenset(), at="")
    whole = Listing(of, order=order, limit=200).page()
    expected: Rows = inside.all(dict, _select(of) + whole.sql, **whole.params)
    values = [row[field] for row in expected if row[field] is not None]
    if field != "name":  # which is sorted by the database's collation
        assert values == sorted(values, reverse=descending)
    seen: Rows = []
    after = None
    for _ in expected:
        page = Listing(of, order=order, limit=limit, after=after).page()
        found: Rows = inside.all(dict, _select(of) + page.sql, **page.params)
        seen += found[:limit]
        if len(found) <= limit:
            break
        after = seen[-1][field], seen[-1]["id"]
    assert seen == expected


# What is sent


def test_values_are_parameters_and_the_text_stays_small() -> None:
    """RDS Proxy pins a session whose statement is over 16 KB."""
    long = "x" * 1000
    for of in (CONTACTS, TASKS, MAILS):
        tests = [
            Leaf(name, op, (long,) * 100 if op in ("in", "not_in") else long)
            for name, kind in of.catalogue.items()
            if kind.kind in ("text", "texts")
            for op in OPERATORS[kind.kind]
        ]
        tree = AnyOf(tuple(Not(Not(Not(test))) for test in (tests * 50)[:50]))
        condition = to_sql(tree, of.columns)
        assert len(condition.sql) < 8_000
        assert "x" * 9 not in condition.sql
        names = set(re.findall(r"%\((f\d\d)\)s", condition.sql))
        assert names == condition.params.keys()
        assert "%" not in re.sub(r"%\(f\d\d\)s", "", condition.sql)


def test_more_tests_than_any_limit_allows_are_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="100 tests"):
        to_sql(AllOf((Leaf("name", "eq", "x"),) * 101), CONTACTS.columns)
    with pytest.raises(KeyError):
        to_sql(Leaf("shoe_size", "eq", "x"), CONTACTS.columns)


def test_a_number_that_a_column_cannot_hold_is_nowhere(tx: Tx) -> None:
    rows = [{"amount": 1}, {"amount": 2}]
    assert _let_through(tx, Leaf("amount", "eq", 1.5), rows) == []
    assert _let_through(tx, Leaf("amount", "ne", 1.5), rows) == [0, 1]
    assert _let_through(tx, Leaf("amount", "in", (1.5, 2.0)), rows) == [1]
    assert _let_through(tx, Leaf("amount", "in", (1.5,)), rows) == []


def test_the_role_is_the_one_that_answers_people(inside: Tx) -> None:
    assert inside.one(str, "select current_user::text") == "crm_app"
    assert connection.connection().info.user == "crm_app"
