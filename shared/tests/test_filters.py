"""The filter grammar: what it accepts, what it means, and that hostile input only gets refused."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.filters import (
    BOOLEAN,
    ID,
    INSTANT,
    NUMBER,
    TEXT,
    TEXTS,
    AllOf,
    AnyOf,
    Filter,
    InvalidFilter,
    Leaf,
    Limits,
    Not,
    choice,
    matches,
    parse,
    to_json,
)
from shared.filters.model import OPERATORS

CATALOGUE = {
    "sender": TEXT,
    "sentiment": choice("positive", "neutral", "negative"),
    "score": NUMBER,
    "reply_needed": BOOLEAN,
    "received_at": INSTANT,
    "mailbox_id": ID,
    "tags": TEXTS,
}
SOME_ID = UUID("01890000-0000-7000-8000-000000000001")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECORD: dict[str, object] = {
    "sender": "Ada@Example.com",
    "sentiment": "negative",
    "score": -0.5,
    "reply_needed": True,
    "received_at": NOON,
    "mailbox_id": SOME_ID,
    "tags": ("VIP", "new"),
}


def _leaf(field: str, op: str, value: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value}


def _true(raw: Any, record: dict[str, object] = RECORD) -> bool:
    return matches(parse(raw, CATALOGUE), record)


def _nested(levels: int) -> dict[str, Any]:
    filter_ = _leaf("score", "lt", 0)
    for _ in range(levels - 1):
        filter_ = {"not": filter_}
    return filter_


@pytest.mark.parametrize(
    ("field", "op", "value", "expected"),
    [
        ("sentiment", "eq", "negative", True),
        ("sentiment", "ne", "negative", False),
        ("sentiment", "in", ["neutral", "negative"], True),
        ("sentiment", "not_in", ["neutral", "negative"], False),
        ("sender", "eq", "Ada@Example.com", True),
        ("sender", "eq", "ada@example.com", False),
        ("sender", "contains", "@EXAMPLE.", True),
        ("sender", "starts_with", "ada@", True),
        ("sender", "starts_with", "da@", False),
        ("score", "eq", -0.5, True),
        ("score", "lt", 0, True),
        ("score", "lte", -0.5, True),
        ("score", "gt", -0.5, False),
        ("score", "gte", -0.5, True),
        ("reply_needed", "eq", True, True),
        ("reply_needed", "ne", True, False),
        ("received_at", "eq", "2026-03-01T13:00:00+01:00", True),
        ("received_at", "lt", "2026-03-01T12:00:00.000001Z", True),
        ("mailbox_id", "eq", str(SOME_ID).upper(), True),
        ("mailbox_id", "in", [str(SOME_ID)], True),
        ("tags", "contains", "VIP", True),
        ("tags", "contains", "vip", False),
        ("tags", "exists", True, True),
    ],
)
def test_each_operator_means_what_it_says(field: str, op: str, value: Any, expected: bool) -> None:
    assert _true(_leaf(field, op, value)) is expected


@pytest.mark.parametrize("record", [{}, {"sender": None}])
def test_null_and_absent_pass_only_the_negative_tests(record: dict[str, object]) -> None:
    tests = [
        _leaf("sender", "eq", "x"),
        _leaf("sender", "in", ["x"]),
        _leaf("sender", "contains", "x"),
        _leaf("sender", "starts_with", "x"),
        _leaf("sender", "exists", True),
        _leaf("score", "lt", 0),
        _leaf("score", "gte", 0),
        _leaf("sender", "ne", "x"),
        _leaf("sender", "not_in", ["x"]),
        _leaf("sender", "exists", False),
    ]
    assert [test for test in tests if _true(test, record)] == tests[-3:]


def test_an_empty_text_exists_and_an_empty_list_does_not() -> None:
    assert _true(_leaf("sender", "exists", True), {"sender": ""})
    assert not _true(_leaf("tags", "exists", True), {"tags": ()})
    assert not _true(_leaf("tags", "exists", True), {"tags": []})


def test_empty_groups_are_everything_and_nothing() -> None:
    assert _true({"all": []}, {})
    assert not _true({"any": []}, {})


def test_groups_nest() -> None:
    raw = {
        "all": [
            {"any": [_leaf("score", "gt", 0), _leaf("sentiment", "eq", "negative")]},
            {"not": _leaf("sender", "contains", "noreply")},
        ]
    }
    assert _true(raw)
    assert not _true(raw, {**RECORD, "sender": "NoReply@example.com"})
    assert not _true(raw, {**RECORD, "sentiment": "neutral"})


@pytest.mark.parametrize(
    "value",
    ["a text", 7, datetime(2026, 3, 1), ("a", "b"), object(), SOME_ID],  # noqa: DTZ001 -- naive on purpose
)
def test_a_record_of_the_wrong_type_fails_the_test(value: object) -> None:
    assert not _true(_leaf("received_at", "lt", "2999-01-01T00:00:00Z"), {"received_at": value})
    assert not _true(_leaf("received_at", "eq", "2026-03-01T00:00:00Z"), {"received_at": value})


_MISTAKES: list[tuple[Any, str, str]] = [
    (None, "", "type"),
    ([], "", "type"),
    ("all", "", "type"),
    ({}, "", "shape"),
    ({"all": [], "any": []}, "", "shape"),
    ({"field": "sender", "op": "eq"}, "", "shape"),
    ({"all": [], "\ud800": 1}, "", "shape"),
    ({"all": {}}, "/all", "type"),
    ({"any": None}, "/any", "type"),
    ({"not": []}, "/not", "type"),
    ({"all": [{"all": []}, 7]}, "/all/1", "type"),
    (_leaf("subject", "eq", "x"), "/field", "unknown_field"),
    (_leaf("\ud800", "eq", "x"), "/field", "unknown_field"),
    ({"field": ["sender"], "op": "eq", "value": "x"}, "/field", "unknown_field"),
    ({"field": None, "op": "eq", "value": "x"}, "/field", "unknown_field"),
    (_leaf("sender", "lt", "x"), "/op", "unknown_operator"),
    (_leaf("sender", "regex", "x"), "/op", "unknown_operator"),
    (_leaf("tags", "eq", "x"), "/op", "unknown_operator"),
    ({"field": "sender", "op": ["eq"], "value": "x"}, "/op", "unknown_operator"),
    (_leaf("sender", "eq", None), "/value", "type"),
    (_leaf("sender", "eq", 7), "/value", "type"),
    (_leaf("sender", "eq", "\0"), "/value", "type"),
    (_leaf("sender", "eq", "\ud800"), "/value", "type"),
    (_leaf("sender", "eq", "x" * 1001), "/value", "length"),
    (_leaf("sender", "contains", ""), "/value", "length"),
    (_leaf("sender", "in", "x"), "/value", "type"),
    (_leaf("sender", "in", []), "/value", "length"),
    (_leaf("sender", "in", ["x"] * 101), "/value", "length"),
    (_leaf("sender", "in", ["x", 7]), "/value/1", "type"),
    (_leaf("sentiment", "eq", "angry"), "/value", "choice"),
    (_leaf("sentiment", "in", ["neutral", ["x"]]), "/value/1", "choice"),
    (_leaf("score", "lt", True), "/value", "type"),
    (_leaf("score", "lt", "1"), "/value", "type"),
    (_leaf("score", "lt", float("nan")), "/value", "type"),
    (_leaf("score", "lt", float("inf")), "/value", "type"),
    (_leaf("score", "lt", 10**30), "/value", "type"),
    (_leaf("score", "lt", -1e22), "/value", "type"),
    (_leaf("reply_needed", "eq", 1), "/value", "type"),
    (_leaf("received_at", "lt", "2026-03-01"), "/value", "type"),
    (_leaf("received_at", "lt", "yesterday"), "/value", "type"),
    (_leaf("received_at", "lt", "0001-01-01T00:00:00+23:59"), "/value", "type"),
    (_leaf("mailbox_id", "eq", "7"), "/value", "type"),
    (_leaf("sender", "exists", "yes"), "/value", "type"),
    (_nested(6), "/not/not/not/not/not", "too_deep"),
    ({"any": [_leaf("score", "lt", n) for n in range(51)]}, "/any/50", "too_large"),
    ({"any": [{"all": []}] * 51}, "/any/50/all", "too_large"),
]


@pytest.mark.parametrize(("raw", "pointer", "code"), _MISTAKES)
def test_a_mistake_is_refused_and_pointed_at(raw: Any, pointer: str, code: str) -> None:
    with pytest.raises(InvalidFilter) as refused:
        parse(raw, CATALOGUE, at="/conditions")
    (error,) = refused.value.errors
    assert (error.pointer, error.code) == (f"/conditions{pointer}", code)
    assert refused.value.status == 400
    json.dumps(error.detail, ensure_ascii=False).encode()


def test_the_limits_are_inclusive_and_can_be_set() -> None:
    parse(_nested(5), CATALOGUE)
    parse({"any": [_leaf("score", "lt", n) for n in range(50)]}, CATALOGUE)
    with pytest.raises(InvalidFilter):
        parse(_nested(3), CATALOGUE, limits=Limits(depth=2))
    with pytest.raises(InvalidFilter):
        parse({"all": [_nested(1), _nested(1)]}, CATALOGUE, limits=Limits(leaves=1))


def test_values_become_what_they_say() -> None:
    assert parse(_leaf("received_at", "gte", "2026-03-01T13:00:00+01:00"), CATALOGUE) == Leaf(
        "received_at", "gte", NOON
    )
    assert parse(_leaf("mailbox_id", "in", [str(SOME_ID)]), CATALOGUE) == Leaf(
        "mailbox_id", "in", (SOME_ID,)
    )


_TEXTS = st.text(
    alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    min_size=1,
    max_size=8,
)
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "sender": _TEXTS,
    "sentiment": st.sampled_from(CATALOGUE["sentiment"].choices),
    "score": st.integers(-5, 5) | st.floats(-(2.0**62), 2.0**62),
    "reply_needed": st.booleans(),
    "received_at": st.datetimes(timezones=st.just(UTC)),
    "mailbox_id": st.uuids(),
    "tags": _TEXTS,
}


def _written(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str) else str(value)


@st.composite
def _leaves(draw: st.DrawFn) -> dict[str, Any]:
    field = draw(st.sampled_from(sorted(CATALOGUE)))
    op = draw(st.sampled_from(OPERATORS[CATALOGUE[field].kind]))
    if op == "exists":
        return _leaf(field, op, draw(st.booleans()))
    if op in ("in", "not_in"):
        values = draw(st.lists(_VALUES[field], min_size=1, max_size=4))
        return _leaf(field, op, [_written(value) for value in values])
    return _leaf(field, op, _written(draw(_VALUES[field])))


def _groups(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(parts, max_size=3)
    return (
        lists.map(lambda found: {"all": found})
        | lists.map(lambda found: {"any": found})
        | parts.map(lambda found: {"not": found})
    )


_ROOM = Limits(depth=30, leaves=500)
_FILTERS = st.recursive(_leaves(), _groups, max_leaves=8).map(
    lambda raw: parse(raw, CATALOGUE, limits=_ROOM)
)
_RECORDS = st.fixed_dictionaries(
    {},
    optional={
        field: st.none() | (st.lists(values).map(tuple) if field == "tags" else values)
        for field, values in _VALUES.items()
    },
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
_WORDS = st.sampled_from(["all", "any", "not", "field", "op", "value", "sender", "eq", "in"])
_NEARLY = st.recursive(
    _JSON | _WORDS | st.sampled_from(sorted(CATALOGUE)) | _leaves(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(_WORDS, inner, max_size=3)
        | st.fixed_dictionaries({"field": inner, "op": inner, "value": inner})
    ),
    max_leaves=12,
)


@given(_JSON | _NEARLY)
def test_whatever_json_says_it_is_a_filter_or_refused(raw: Any) -> None:
    try:
        tree = parse(raw, CATALOGUE)
    except InvalidFilter as refused:
        place = raw
        for step in refused.errors[0].pointer.split("/")[1:]:  # what it points at is there
            place = place[int(step) if step.isdigit() else step]
    else:
        matches(tree, RECORD)


@given(_FILTERS)
def test_a_filter_survives_being_written_down(tree: Filter) -> None:
    written = json.loads(json.dumps(to_json(tree)))
    assert parse(written, CATALOGUE, limits=_ROOM) == tree


@given(st.lists(_FILTERS, max_size=4), _RECORDS)
def test_de_morgan_holds_even_with_nulls(parts: list[Filter], record: dict[str, object]) -> None:
    negated = tuple(Not(part) for part in parts)
    assert matches(Not(AllOf(tuple(parts))), record) == matches(AnyOf(negated), record)
    assert matches(Not(AnyOf(tuple(parts))), record) == matches(AllOf(negated), record)


@given(_FILTERS, _RECORDS)
def test_an_operator_and_its_opposite_never_agree(tree: Filter, record: dict[str, object]) -> None:
    opposites = {"eq": "ne", "ne": "eq", "in": "not_in", "not_in": "in"}
    if isinstance(tree, Leaf) and tree.op in opposites:
        opposite = parse(_leaf(tree.field, opposites[tree.op], to_json(tree)["value"]), CATALOGUE)
        assert matches(tree, record) != matches(opposite, record)
