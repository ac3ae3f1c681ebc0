"""Evaluating a filter over a record in memory."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from shared.filters.model import AllOf, AnyOf, Filter, Leaf, Not, Op


def matches(tree: Filter, record: Mapping[str, object]) -> bool:
    """Whether the record passes. Its values are Python's own: aware datetimes, UUIDs, sequences.

    A value of another type than the catalogue promised fails the test like null; nothing raises.
    """
    match tree:
        case AllOf(parts):
            return all(matches(part, record) for part in parts)
        case AnyOf(parts):
            return any(matches(part, record) for part in parts)
        case Not(part):
            return not matches(part, record)
        case Leaf():
            return _passes(tree, record.get(tree.field))


def _passes(leaf: Leaf, value: object) -> bool:
    if leaf.op == "exists":
        return (value is not None and value not in ((), [])) == leaf.value
    if leaf.op == "ne":
        return not _compares("eq", value, leaf.value)
    if leaf.op == "not_in":
        return not _compares("in", value, leaf.value)
    return _compares(leaf.op, value, leaf.value)


def _compares(op: Op, value: object, wanted: object) -> bool:
    if value is None:
        return False
    try:
        return _COMPARISONS[op](value, wanted)
    except TypeError:  # an aware against a naive time, a text against a number
        return False


def _is_in(value: Any, wanted: Any) -> bool:
    return value in wanted


def _contains(value: Any, wanted: Any) -> bool:
    if isinstance(value, str):
        return lowered(wanted) in lowered(value)
    return wanted in value


def _starts_with(value: Any, wanted: Any) -> bool:
    return isinstance(value, str) and lowered(value).startswith(lowered(wanted))


def lowered(text: str) -> str:
    """`text` in lower case by Unicode's simple mapping, a character for a character as Postgres's
    `lower` has it. Python's differs for two: it looks at what is around a sigma, and makes two
    characters of the İ.
    """
    return text.replace("Σ", "\N{GREEK SMALL LETTER SIGMA}").replace("İ", "i").lower()


_COMPARISONS: Mapping[Op, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "in": _is_in,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "contains": _contains,
    "starts_with": _starts_with,
}
