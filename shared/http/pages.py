"""Lists: the parameters every list takes and the shape of a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from shared.cursors import Key, encode_cursor

Item = TypeVar("Item")

MOST_PER_PAGE = 200
DEFAULT_LIMIT = 25
LONGEST_CURSOR = 2000
"""The longest text that lists are sorted by, of the longest characters there are, fits."""

Limit = Annotated[int, Query(ge=1, le=MOST_PER_PAGE, description="Items per page.")]
CursorParam = Annotated[
    str | None, Query(max_length=LONGEST_CURSOR, description="`next_cursor` of a page.")
]


class Page(BaseModel, Generic[Item]):
    """One page of a list, newest first; `next_cursor` is null on the last page."""

    model_config = ConfigDict(frozen=True)

    items: list[Item]
    next_cursor: str | None


class Count(BaseModel):
    """How many there are in all; where `more` is true, more than `value`."""

    model_config = ConfigDict(frozen=True)

    value: int
    more: bool


class CountedPage(BaseModel, Generic[Item]):
    """One page of a list in the order asked for; `next_cursor` is null on the last page."""

    model_config = ConfigDict(frozen=True)

    items: list[Item]
    next_cursor: str | None
    count: Count | None = Field(default=None, description="Null unless it was asked for.")


def page(found: Sequence[Item], limit: int, key: Callable[[Item], Key]) -> Page[Item]:
    """A page of what a query for `limit + 1` rows found."""
    shown = list(found[:limit])
    more = len(found) > limit
    return Page(items=shown, next_cursor=encode_cursor(key(shown[-1])) if more else None)
