"""A filter as a condition in SQL: the one place where the grammar becomes a query.

The text is made of literals and of what a catalogue says of its columns; what callers send are
parameters, so the text stays small however much they send (RDS Proxy pins a session whose statement
is over 16 KB). The condition of a test is true where the test is, and else false or null, which
`and` and `or` pass on and `where` takes for false; a negation is `is not true`, never null. So it
means what `matches` means, and equality and ranges stay as bare as an index needs them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, LiteralString, cast

from shared.filters.model import AllOf, AnyOf, FieldType, Filter, Kind, Leaf, Not, Op

_TYPES: Mapping[Kind, LiteralString] = {
    "text": "text",
    "choice": "text",
    "boolean": "boolean",
    "instant": "timestamptz",
    "id": "uuid",
    "texts": "text",
}
_COMPARISONS: Mapping[Op, LiteralString] = {
    "eq": " = ",
    "lt": " < ",
    "lte": " <= ",
    "gt": " > ",
    "gte": " >= ",
}
_DIGITS: tuple[LiteralString, ...] = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
_NAMES: tuple[LiteralString, ...] = tuple("f" + ten + one for ten in _DIGITS for one in _DIGITS)
"""What parameters are called; as many as a filter may have tests, and more."""

Number = int | float


@dataclass(frozen=True, slots=True)
class Column:
    """A field of an object: what it holds, and the expression that says it in SQL.

    `number` is the SQL type of a number; a float8 is never NaN. `order` is what a list sorts by,
    where it may be sorted by this field: an indexed expression that is never null.
    """

    type: FieldType
    sql: LiteralString
    number: Literal["bigint", "float8"] = "bigint"
    order: LiteralString | None = None


Columns = Mapping[str, Column]


@dataclass(frozen=True, slots=True)
class Condition:
    """What to put after `where`, and the parameters it names, `f00` and so on."""

    sql: LiteralString
    params: Mapping[str, Any]


def to_sql(tree: Filter, columns: Columns) -> Condition:
    """The condition that is true for the rows that `tree` matches, and no others.

    Raises:
        KeyError: it names a field that is no column. `parse` over the same fields refuses those.
        ValueError: it has more than a hundred tests.
    """
    writer = _Writer(columns)
    return Condition(writer.condition(tree), writer.params)


class _Writer:
    """One condition, as far as it is written."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self.params: dict[str, Any] = {}

    def condition(self, tree: Filter) -> LiteralString:
        match tree:
            case AllOf(parts):
                return self._joined(parts, " and ") if parts else "true"
            case AnyOf(parts):
                return self._joined(parts, " or ") if parts else "false"
            case Not(part):
                return _not(self.condition(part))
            case Leaf():
                return self._leaf(tree)

    def _joined(self, parts: Sequence[Filter], word: LiteralString) -> LiteralString:
        written: list[LiteralString] = [self.condition(part) for part in parts]
        return written[0] if len(written) == 1 else "(" + word.join(written) + ")"

    def _leaf(self, leaf: Leaf) -> LiteralString:
        column = self._columns[leaf.field]
        match leaf.op:
            case "exists":
                there = _exists(column)
                return there if leaf.value else _not(there)
            case "ne":
                return _not(self._test(column, "eq", leaf.value))
            case "not_in":
                return _not(self._test(column, "in", leaf.value))
            case _:
                return self._test(column, leaf.op, leaf.value)

    def _test(self, column: Column, op: Op, value: Any) -> LiteralString:
        if column.type.kind == "number":
            return self._number_test(column, op, value)
        kind = _TYPES[column.type.kind]
        if op == "in":
            return column.sql + " = any(" + self._parameter(list(value)) + "::" + kind + "[])"
        wanted = self._parameter(value) + "::" + kind
        if op in _COMPARISONS:
            return column.sql + _COMPARISONS[op] + wanted
        if column.type.kind == "texts":
            return wanted + " = any(" + column.sql + ")"
        if op == "contains":
            return "strpos(lower(" + column.sql + "), lower(" + wanted + ")) > 0"
        return "starts_with(lower(" + column.sql + "), lower(" + wanted + "))"

    def _number_test(self, column: Column, op: Op, value: Any) -> LiteralString:
        """Compares exactly, as Python does, in the column's own type, as an index needs it: with
        the column's values next to the one that is asked for.
        """
        around = _AROUND[column.number]
        if op == "in":
            nearest = map(around, cast("tuple[Number, ...]", value))
            held = [low for low, high in nearest if low == high]
            wanted = self._parameter(held) + "::" + column.number + "[]"
            return column.sql + " = any(" + wanted + ")"
        low, high = around(value)
        if op == "eq" and low != high:
            return "false"
        nearest = high if op in ("lt", "gte") else low
        return column.sql + _COMPARISONS[op] + self._parameter(nearest) + "::" + column.number

    def _parameter(self, value: Any) -> LiteralString:
        if len(self.params) == len(_NAMES):
            raise ValueError(f"a filter of more than {len(_NAMES)} tests")
        name = _NAMES[len(self.params)]
        self.params[name] = value
        return "%(" + name + ")s"


def _exists(column: Column) -> LiteralString:
    if column.type.kind == "texts":
        return "cardinality(" + column.sql + ") > 0"
    return column.sql + " is not null"


def _not(condition: LiteralString) -> LiteralString:
    return "(" + condition + ") is not true"


def _integers_around(value: Number) -> tuple[Number, Number]:
    """The nearest integers that are not more, and not less."""
    return math.floor(value), math.ceil(value)


def _floats_around(value: Number) -> tuple[Number, Number]:
    nearest = float(value)
    if nearest > value:
        return math.nextafter(nearest, -math.inf), nearest
    return nearest, nearest if nearest == value else math.nextafter(nearest, math.inf)


_AROUND: Mapping[str, Callable[[Number], tuple[Number, Number]]] = {
    "bigint": _integers_around,
    "float8": _floats_around,
}
