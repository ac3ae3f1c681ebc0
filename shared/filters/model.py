"""The filter tree, and the types of the fields it speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

Op = Literal[
    "eq",
    "ne",
    "in",
    "not_in",
    "lt",
    "lte",
    "gt",
    "gte",
    "contains",
    "starts_with",
    "exists",
]
Kind = Literal["text", "choice", "number", "boolean", "instant", "id", "texts"]

Scalar: TypeAlias = bool | int | float | str | datetime | UUID
Value: TypeAlias = Scalar | tuple[Scalar, ...]
"""What a leaf compares with: instants are in UTC; `in` and `not_in` have a tuple."""


@dataclass(frozen=True, slots=True)
class FieldType:
    """What a field holds. `choices` are the only values of kind `choice`."""

    kind: Kind
    choices: tuple[str, ...] = ()


Catalogue = Mapping[str, FieldType]
"""The fields a filter may name."""

TEXT = FieldType("text")
NUMBER = FieldType("number")
BOOLEAN = FieldType("boolean")
INSTANT = FieldType("instant")
ID = FieldType("id")
TEXTS = FieldType("texts")


def choice(*choices: str) -> FieldType:
    """The type of a field with these values only."""
    return FieldType("choice", choices)


OPERATORS: Mapping[Kind, tuple[Op, ...]] = {
    "text": ("eq", "ne", "in", "not_in", "contains", "starts_with", "exists"),
    "choice": ("eq", "ne", "in", "not_in", "exists"),
    "number": ("eq", "ne", "in", "not_in", "lt", "lte", "gt", "gte", "exists"),
    "boolean": ("eq", "ne", "exists"),
    "instant": ("eq", "ne", "lt", "lte", "gt", "gte", "exists"),
    "id": ("eq", "ne", "in", "not_in", "exists"),
    "texts": ("contains", "exists"),
}
"""The operators each kind of field takes."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One test of one field."""

    field: str
    op: Op
    value: Value


@dataclass(frozen=True, slots=True)
class AllOf:
    """True where every part is; so with no part, always."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True where a part is; so with no part, never."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True where its part is false."""

    part: Filter


Filter: TypeAlias = AllOf | AnyOf | Not | Leaf


def to_json(tree: Filter) -> dict[str, Any]:
    """The tree as the JSON it was parsed from, values in their canonical form."""
    match tree:
        case AllOf(parts):
            return {"all": [to_json(part) for part in parts]}
        case AnyOf(parts):
            return {"any": [to_json(part) for part in parts]}
        case Not(part):
            return {"not": to_json(part)}
        case Leaf(field, op, value):
            return {"field": field, "op": op, "value": _plain(value)}


def _plain(value: Value) -> bool | int | float | str | list[Any]:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
