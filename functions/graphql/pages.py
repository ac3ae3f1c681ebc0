"""Connections: pages of a list, by Relay's rules and with the cursors of the other lists.

https://relay.dev/graphql/connections.htm
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Generic, TypeAlias, TypeVar

import strawberry
from strawberry.scalars import JSON

from functions.graphql.models import InvalidPage
from shared.access import Access
from shared.cursors import InvalidCursor, decode_place, encode_cursor
from shared.errors import FieldError
from shared.filters import Listing, Object, Order, parse
from shared.http.pages import DEFAULT_LIMIT, LONGEST_CURSOR, MOST_PER_PAGE

MOST_COUNTED = 10_000
Node = TypeVar("Node")


@strawberry.enum
class SortDirection(enum.Enum):
    """Which way a list is sorted."""

    asc = "asc"
    desc = "desc"


@strawberry.input(description="A field to sort by, of those that the argument names.")
class Sort:
    """An order, as a client gives it."""

    field: str
    direction: SortDirection = SortDirection.asc


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    """Where a page lies in its list."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type(description="An item of a list and its place in it.")
class Edge(Generic[Node]):
    """An item of a list and its place in it."""

    cursor: str
    node: Node


_First = strawberry.argument(
    description=f"How many, from the front: {DEFAULT_LIMIT} if nothing is said, at most"
    f" {MOST_PER_PAGE}."
)
First: TypeAlias = Annotated[int | None, _First]
Last: TypeAlias = Annotated[int | None, strawberry.argument(description="The same, from the end.")]
After: TypeAlias = Annotated[str | None, strawberry.argument(description="A cursor of this list.")]
Filtered: TypeAlias = JSON | None
Sorted: TypeAlias = Sort | None


def arguments_of(of: Object) -> dict[str, Any]:
    """The types of `filter` and `sort` for a list of an object, which say by what it can be."""
    fields, sortable = sorted(of.fields(frozenset())), sorted(of.sortable(frozenset()))
    filtered = strawberry.argument(
        description="A filter as `POST .../query` takes it: a test `{field, op, value}`, or `all`,"
        f" `any` or `not` of filters. The fields: {', '.join(fields)}."
    )
    ordered = strawberry.argument(description=f"By {', '.join(sortable)}. Left out: newest first.")
    return {"filter": Annotated[Filtered, filtered], "sort": Annotated[Sorted, ordered]}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a connection, as it came."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None
    filter: Any = None
    sort: Sort | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page that is wanted: `listing` is what its cursors are of, `reading` what is read, which is
    the other way round where the page is counted from the end.
    """

    listing: Listing
    reading: Listing
    backward: bool


def wanted(asked: Asked, of: Object, access: Access) -> Wanted:
    """What is asked, as checked for somebody with this access.

    Raises:
        InvalidPage, InvalidFilter, InvalidSort, InvalidCursor: it asks for what there is not. Their
            pointers begin at the connection's arguments.
    """
    backward = asked.last is not None or asked.before is not None
    if backward and (asked.first is not None or asked.after is not None):
        detail = "`last` and `before` are for pages from the end, without `first` and `after`"
        raise InvalidPage(errors=(FieldError("/last", detail, "both_ends"),))
    hidden = access.hidden_of(of.name)
    listing = Listing(of, limit=_size(asked.last if backward else asked.first, backward=backward))
    if asked.filter is not None:
        listing = replace(listing, filter=parse(asked.filter, of.fields(hidden), at="/filter"))
    if asked.sort is not None:
        descending = asked.sort.direction is SortDirection.desc
        by = of.order(asked.sort.field, descending=descending, hidden=hidden, at="/sort/field")
        listing = replace(listing, order=by)
    cursor = asked.before if backward else asked.after
    place = _place(listing, cursor, "/before" if backward else "/after")
    reading = listing
    if backward:
        by = listing.sorted_by
        reading = replace(listing, order=Order(by.field, descending=not by.descending))
    return Wanted(listing, replace(reading, after=place), backward)


def _size(number: int | None, *, backward: bool) -> int:
    if number is None:
        return DEFAULT_LIMIT
    if not 1 <= number <= MOST_PER_PAGE:
        at = "/last" if backward else "/first"
        raise InvalidPage(errors=(FieldError(at, f"expected 1 to {MOST_PER_PAGE}", "range"),))
    return number


def _place(listing: Listing, cursor: str | None, at: str) -> Any:
    if cursor is not None and len(cursor) > LONGEST_CURSOR:
        raise InvalidCursor(errors=(FieldError(at, "not a cursor of this list", "invalid_cursor"),))
    by_time = listing.of.columns[listing.sorted_by.field].type.kind == "instant"
    return decode_place(cursor, by_time=by_time, of=listing.scope, at=at)


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was read. `count` counts the whole list, up to a number."""

    items: Sequence[Any]
    of: Wanted
    more: bool
    count: Callable[[int], int] | None = None

    def cursor(self, item: Any) -> str:
        """The place of an item."""
        return encode_cursor(self.of.listing.place_of(item), of=self.of.listing.scope)


def page_of(found: Sequence[Any], of: Wanted, count: Callable[[int], int] | None = None) -> Page:
    """The page, of what was read: one more than it has, where there is another."""
    shown = list(found[: of.reading.limit])
    if of.backward:
        shown.reverse()
    return Page(shown, of, len(found) > of.reading.limit, count)


@strawberry.type(description="A page of a list.")
class Connection(Generic[Node]):
    """A page of a list; at run time a `Page`."""

    @strawberry.field(description="The items, each with its place.")
    @staticmethod
    def edges(root: strawberry.Parent[Any]) -> list[Edge[Node]]:
        page: Page = root
        return [Edge(cursor=page.cursor(item), node=item) for item in page.items]

    @strawberry.field(description="The items alone.")
    @staticmethod
    def nodes(root: strawberry.Parent[Any]) -> list[Node]:
        return root.items

    @strawberry.field
    @staticmethod
    def page_info(root: strawberry.Parent[Any]) -> PageInfo:
        page: Page = root
        beyond = page.of.reading.after is not None
        ends = [page.cursor(item) for item in (*page.items[:1], *page.items[-1:])] or [None, None]
        return PageInfo(
            has_next_page=beyond if page.of.backward else page.more,
            has_previous_page=page.more if page.of.backward else beyond,
            start_cursor=ends[0],
            end_cursor=ends[-1],
        )

    @strawberry.field(
        description=f"How many there are in all, up to {MOST_COUNTED:,}. Null within other lists."
    )
    @staticmethod
    def total_count(root: strawberry.Parent[Any]) -> int | None:
        page: Page = root
        return page.count(MOST_COUNTED) if page.count else None
