"""Lists: the parameters every list takes and the shape of a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict

from shared.cursors import Key, encode_cursor

Item = TypeVar("Item")

Limit = Annotated[int, Query(ge=1, le=200, description="Items per page.")]
CursorParam = Annotated[str | None, Query(max_length=500, description="`next_cursor` of a page.")]
DEFAULT_LIMIT = 25


class Page(BaseModel, Generic[Item]):
    """One page of a list, newest first; `next_cursor` is null on the last page."""

    model_config = ConfigDict(frozen=True)

    items: list[Item]
    next_cursor: str | None


def page(found: Sequence[Item], limit: int, key: Callable[[Item], Key]) -> Page[Item]:
    """A page of what a query for `limit + 1` rows found."""
    shown = list(found[:limit])
    more = len(found) > limit
    return Page(items=shown, next_cursor=encode_cursor(key(shown[-1])) if more else None)
