"""Reading a filter from JSON that nobody has checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn, cast
from uuid import UUID

from shared.errors import BadRequest, FieldError
from shared.filters.model import (
    OPERATORS,
    AllOf,
    AnyOf,
    Catalogue,
    FieldType,
    Filter,
    Kind,
    Leaf,
    Not,
    Op,
    Scalar,
    Value,
)

_LONGEST_TEXT = 1_000
_MOST_VALUES = 100
_LARGEST_NUMBER = 2**63 - 1


class InvalidFilter(BadRequest):
    """The filter is not valid; see `errors`."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a filter may be. A leaf alone has depth 1; an empty group counts as a leaf."""

    depth: int = 5
    leaves: int = 50


def parse(
    raw: object, catalogue: Catalogue, *, at: str = "", limits: Limits | None = None
) -> Filter:
    """The filter that `raw`, as JSON gave it, says over the fields of `catalogue`.

    `at` is the JSON pointer of `raw` in the request; errors point from there.

    Raises:
        InvalidFilter: it is none; its one error points at the first mistake. Nothing of `raw` is
            repeated in it.
    """
    return _Parser(catalogue, limits or Limits()).filter(raw, at, 1)


class _Parser:
    """One parse: what it may name, and how much it has seen."""

    def __init__(self, catalogue: Catalogue, limits: Limits) -> None:
        self._catalogue = catalogue
        self._limits = limits
        self._leaves = 0

    def filter(self, raw: object, at: str, depth: int) -> Filter:
        if depth > self._limits.depth:
            _refuse(at, f"nested deeper than {self._limits.depth} levels", "too_deep")
        if not isinstance(raw, dict):
            _refuse(at, 'expected {"all": [...]}, {"any": [...]}, {"not": ...} or a test', "type")
        node = cast("dict[str, object]", raw)
        match sorted(node):
            case ["all"]:
                return AllOf(self._parts(node["all"], f"{at}/all", depth))
            case ["any"]:
                return AnyOf(self._parts(node["any"], f"{at}/any", depth))
            case ["not"]:
                return Not(self.filter(node["not"], f"{at}/not", depth + 1))
            case ["field", "op", "value"]:
                self._count(at)
                return self._leaf(node, at)
            case _:
                _refuse(at, "expected either all, any, not, or field with op and value", "shape")

    def _parts(self, raw: object, at: str, depth: int) -> tuple[Filter, ...]:
        if not isinstance(raw, list):
            _refuse(at, "expected a list of filters", "type")
        if not raw:
            self._count(at)
        parts = cast("list[object]", raw)
        return tuple(self.filter(part, f"{at}/{n}", depth + 1) for n, part in enumerate(parts))

    def _count(self, at: str) -> None:
        self._leaves += 1
        if self._leaves > self._limits.leaves:
            _refuse(at, f"more than {self._limits.leaves} tests", "too_large")

    def _leaf(self, node: Mapping[str, object], at: str) -> Leaf:
        name = node["field"]
        kind = self._catalogue.get(name) if isinstance(name, str) else None
        if kind is None:
            known = ", ".join(sorted(self._catalogue))
            _refuse(f"{at}/field", f"no such field; there are: {known}", "unknown_field")
        operators = OPERATORS[kind.kind]
        op: Op | None = next((one for one in operators if one == node["op"]), None)
        if op is None:
            _refuse(f"{at}/op", f"this field takes: {', '.join(operators)}", "unknown_operator")
        return Leaf(cast("str", name), op, _value(node["value"], kind, op, f"{at}/value"))


def _value(raw: object, kind: FieldType, op: Op, at: str) -> Value:
    if op == "exists":
        return _boolean(raw, at)
    if op in ("in", "not_in"):
        if not isinstance(raw, list):
            _refuse(at, "expected a list of values", "type")
        values = cast("list[object]", raw)
        if not 1 <= len(values) <= _MOST_VALUES:
            _refuse(at, f"expected 1 to {_MOST_VALUES} values", "length")
        return tuple(_scalar(one, kind, f"{at}/{n}") for n, one in enumerate(values))
    if op in ("contains", "starts_with") and raw == "":
        _refuse(at, "expected at least one character", "length")
    return _scalar(raw, kind, at)


def _scalar(raw: object, kind: FieldType, at: str) -> Scalar:
    if kind.kind == "choice":
        if raw not in kind.choices:
            _refuse(at, f"expected one of: {', '.join(kind.choices)}", "choice")
        return cast("str", raw)
    return _SCALARS[kind.kind](raw, at)


def _text(raw: object, at: str) -> str:
    if not isinstance(raw, str):
        _refuse(at, "expected a text", "type")
    if len(raw) > _LONGEST_TEXT:
        _refuse(at, f"longer than {_LONGEST_TEXT} characters", "length")
    if "\0" in raw or any("\ud800" <= character <= "\udfff" for character in raw):
        _refuse(at, "contains NUL or a surrogate, which no text has", "type")
    return raw


def _number(raw: object, at: str) -> int | float:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        _refuse(at, "expected a number", "type")
    if not abs(raw) <= _LARGEST_NUMBER:  # so that NaN is refused too
        _refuse(at, "expected a number of at most 64 bits", "type")
    return raw


def _boolean(raw: object, at: str) -> bool:
    if not isinstance(raw, bool):
        _refuse(at, "expected true or false", "type")
    return raw


def _instant(raw: object, at: str) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(raw, at))
        if moment.utcoffset() is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    _refuse(at, 'expected a time with its offset, such as "2026-03-01T09:00:00Z"', "type")


def _id(raw: object, at: str) -> UUID:
    try:
        return UUID(_text(raw, at))
    except ValueError:
        _refuse(at, "expected a UUID", "type")


_SCALARS: Mapping[Kind, Callable[[object, str], Scalar]] = {
    "text": _text,
    "texts": _text,
    "number": _number,
    "boolean": _boolean,
    "instant": _instant,
    "id": _id,
}


def _refuse(at: str, detail: str, code: str) -> NoReturn:
    raise InvalidFilter(errors=(FieldError(at, detail, code),))
