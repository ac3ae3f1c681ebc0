"""What can be listed by filter: objects, their fields, and what is asked of one.

Every capability says so of its own, in `fields.py`, once for everybody who filters and sorts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Any, LiteralString, TypeAlias
from uuid import UUID

from shared.errors import BadRequest, FieldError
from shared.filters.model import AllOf, Catalogue, Filter, Leaf, Scalar, to_json
from shared.filters.sql import Columns, to_sql

Place: TypeAlias = tuple[datetime | str | None, UUID]
"""Where a page ends: the last item's sorted value and id."""

ANYTHING = AllOf(())


class InvalidSort(BadRequest):
    """The list cannot be sorted by that; see `errors`."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a list is sorted by; what is equal in it, by id in the same direction."""

    field: str
    descending: bool = False


@dataclass(frozen=True)
class Object:
    """Something there are lists of. `name` is that of its permissions; `newest` is how lists of it
    are sorted unless another order is asked for; `id` is its id in SQL.
    """

    name: str
    columns: Columns
    newest: Order = Order("created_at", descending=True)
    id: LiteralString = "id"

    @cached_property
    def catalogue(self) -> Catalogue:
        """All its fields, as `parse` wants them."""
        return {name: column.type for name, column in self.columns.items()}

    def fields(self, hidden: Set[str]) -> Catalogue:
        """The fields somebody may filter by from whom `hidden` ones are kept. One that is filtered
        or sorted by can be found out, value by value, without being shown.
        """
        return {name: kind for name, kind in self.catalogue.items() if name not in hidden}

    def sortable(self, hidden: Set[str]) -> tuple[str, ...]:
        """The fields that they may sort by."""
        return tuple(name for name in self.fields(hidden) if self.columns[name].order)

    def order(self, field: str, *, descending: bool, hidden: Set[str], at: str) -> Order:
        """The order by a field that a caller names; `at` is where.

        Raises:
            InvalidSort: lists are not sorted by it.
        """
        if field not in self.sortable(hidden):
            detail = f"expected one of: {', '.join(self.sortable(hidden))}"
            raise InvalidSort(errors=(FieldError(at, detail, "unknown_sort"),))
        return Order(field, descending)


def equal(**values: Scalar | None) -> tuple[Leaf, ...]:
    """Tests that the fields so called have these values; None asks for nothing."""
    return tuple(Leaf(name, "eq", value) for name, value in values.items() if value is not None)


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a statement, and the parameters it names."""

    sql: LiteralString
    params: Mapping[str, Any]


@dataclass(frozen=True)
class Listing:
    """What is asked of a list: which records, in which order, how many, from after which place, and
    whether to count them all.
    """

    of: Object
    filter: Filter = ANYTHING
    order: Order | None = None
    limit: int = 25
    after: Place | None = None
    counted: bool = False

    @property
    def sorted_by(self) -> Order:
        """Its order; newest first if none was asked for."""
        return self.order or self.of.newest

    @cached_property
    def scope(self) -> str:
        """What its cursors are good for: lists of the same filter and order. Empty for all records,
        newest first.
        """
        by = self.sorted_by
        if self.filter == ANYTHING and by == self.of.newest:
            return ""
        said = [self.of.name, by.field, by.descending, to_json(self.filter)]
        return sha256(json.dumps(said).encode()).hexdigest()[:16]

    def place_of(self, item: object) -> Place:
        """The place of a record, which has its fields as attributes."""
        return getattr(item, self.sorted_by.field), getattr(item, "id")  # noqa: B009 -- any model

    def page(self) -> Tail:
        """What follows ` and ` in the query of its page, and finds one row more than the page has,
        which says whether there is another.
        """
        condition = to_sql(self.filter, self.of.columns)
        text, params = condition.sql, {**condition.params, "limit": self.limit + 1}
        if self.after is not None:
            value, params["after_id"] = self.after
            params["after"] = "infinity" if value is None else value
            text += " and " + self._beyond(no_value=value is None)
        by, column = self.sorted_by, self._sorted
        word: LiteralString = " desc" if by.descending else ""
        text += " order by " + column.sql + word + ", " + self.of.id + word
        return Tail(text + " limit %(limit)s", params)

    def up_to(self, most: int) -> Tail:
        """What follows ` and ` in a query of all its records that stops at `most`: to count."""
        condition = to_sql(self.filter, self.of.columns)
        return Tail(condition.sql + " limit %(limit)s", {**condition.params, "limit": most})

    @property
    def _sorted(self) -> _Sorted:
        by = self.of.columns[self.sorted_by.field]
        assert by.order
        return _Sorted(by.order, "timestamptz" if by.type.kind == "instant" else "text")

    def _beyond(self, *, no_value: bool) -> LiteralString:
        """What is true for the rows after a place; `no_value` if nothing can come after but ids:
        said as that, it keeps Postgres from expecting many.
        """
        key, kind = self._sorted.sql, self._sorted.type
        after: LiteralString = "%(after)s::" + kind
        if no_value and not self.sorted_by.descending:
            return key + " = " + after + " and " + self.of.id + " > %(after_id)s::uuid"
        sign: LiteralString = " < " if self.sorted_by.descending else " > "
        return "(" + key + ", " + self.of.id + ")" + sign + "(" + after + ", %(after_id)s::uuid)"


@dataclass(frozen=True, slots=True)
class _Sorted:
    """The expression that a list is sorted by, and its type in SQL."""

    sql: LiteralString
    type: LiteralString
