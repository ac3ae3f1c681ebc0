"""Lists by filter: what is asked of one, in a query string or in a body, and its answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from shared.access import Access
from shared.cursors import IN_QUERY, decode_place, encode_cursor
from shared.db import Tx
from shared.errors import FieldError
from shared.filters import (
    ANYTHING,
    AllOf,
    Filter,
    InvalidFilter,
    Listing,
    Object,
    Order,
    parse,
)
from shared.http.pages import (
    DEFAULT_LIMIT,
    LONGEST_CURSOR,
    MOST_PER_PAGE,
    Count,
    CountedPage,
    CursorParam,
    Limit,
)

Item = TypeVar("Item")

CHANGES_NOTHING = "a query changes nothing"
"""Why a query in a body takes no Idempotency-Key."""
MOST_COUNTED = 10_000
_LONGEST_QUERY = 6000
FILTER = "A filter: a test `{field, op, value}`, or `all`, `any` or `not` of filters."
EXAMPLE = {"all": [{"field": "name", "op": "starts_with", "value": "Ada"}]}


class SortBy(BaseModel):
    """A field to sort by, which `GET /api/v1/fields` says is sortable."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: str = Field(max_length=100)
    direction: Literal["asc", "desc"] = "asc"


class ListQuery(BaseModel):
    """What is asked of a list. `GET /api/v1/fields` says which fields there are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    filter: dict[str, Any] = Field(default={"all": []}, description=FILTER, examples=[EXAMPLE])
    sort: tuple[SortBy, ...] = Field(
        default=(), max_length=1, description="Left out: newest first. What is equal, by id."
    )
    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MOST_PER_PAGE)
    cursor: str | None = Field(default=None, max_length=LONGEST_CURSOR)
    count: Literal["exact"] | None = Field(
        default=None, description=f"`exact` counts all that fit, up to {MOST_COUNTED:,}."
    )

    def listing(self, of: Object, access: Access) -> Listing:
        """It, as checked for somebody with this access.

        Raises:
            InvalidFilter, InvalidSort, InvalidCursor: it asks for what there is not.
        """
        hidden = access.hidden_of(of.name)
        tree = parse(self.filter, of.fields(hidden), at="/filter")
        order = None
        for by in self.sort:
            descending = by.direction == "desc"
            order = of.order(by.field, descending=descending, hidden=hidden, at="/sort/0/field")
        listing = Listing(of, tree, order, self.limit, counted=bool(self.count))
        return _from(listing, self.cursor, "/cursor")


@dataclass(frozen=True)
class QueryParams:
    """The same of a list in its query string."""

    limit: Limit = DEFAULT_LIMIT
    cursor: CursorParam = None
    query: Annotated[
        str | None, Query(max_length=_LONGEST_QUERY, description=f"{FILTER} As JSON.")
    ] = None
    sort: Annotated[
        str | None,
        Query(
            max_length=100,
            description="A field to sort by, descending with `-` in front. Left out: newest first.",
        ),
    ] = None
    count: Annotated[
        Literal["exact"] | None,
        Query(description=f"Counts all that fit, up to {MOST_COUNTED:,}."),
    ] = None

    def listing(self, of: Object, access: Access, *also: Filter) -> Listing:
        """It, as checked for somebody with this access; `also` has to be true as well.

        Raises:
            InvalidFilter, InvalidSort, InvalidCursor: it asks for what there is not.
        """
        hidden = access.hidden_of(of.name)
        tree: Filter = ANYTHING
        if self.query is not None:
            tree = parse(_json(self.query), of.fields(hidden), at="/query/query")
        if also:
            tree = AllOf(also if tree == ANYTHING else (*also, tree))
        order: Order | None = None
        if self.sort is not None:
            field, descending = self.sort.removeprefix("-"), self.sort.startswith("-")
            order = of.order(field, descending=descending, hidden=hidden, at="/query/sort")
        listing = Listing(of, tree, order, self.limit, counted=bool(self.count))
        return _from(listing, self.cursor, IN_QUERY)


ListParams = Annotated[QueryParams, Depends()]


def answer(
    tx: Tx,
    listing: Listing,
    find: Callable[[Tx, Listing], Sequence[Item]],
    count: Callable[[Tx, Listing, int], int],
) -> CountedPage[Item]:
    """The page that is asked for. `find` finds one item more than the page has, if there is one;
    `count` counts up to a number.
    """
    found = find(tx, listing)
    shown = list(found[: listing.limit])
    cursor = None
    if len(found) > listing.limit:
        cursor = encode_cursor(listing.place_of(shown[-1]), of=listing.scope)
    number = None
    if listing.counted:
        counted = count(tx, listing, MOST_COUNTED + 1)
        number = Count(value=min(counted, MOST_COUNTED), more=counted > MOST_COUNTED)
    return CountedPage(items=shown, next_cursor=cursor, count=number)


def _from(listing: Listing, cursor: str | None, at: str) -> Listing:
    """The listing from after the place that the cursor names."""
    by_time = listing.of.columns[listing.sorted_by.field].type.kind == "instant"
    after = decode_place(cursor, by_time=by_time, of=listing.scope, at=at)
    return replace(listing, after=after)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        detail = "expected a filter, as JSON"
        raise InvalidFilter(errors=(FieldError("/query/query", detail, "json"),)) from error
