"""Bulk edits: one change of everything that a filter lets through, as one operation."""

from __future__ import annotations

from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.access import Access
from shared.filters import Listing, Object, parse
from shared.http.listing import EXAMPLE, FILTER

Change = TypeVar("Change", bound=BaseModel)

CHANGE = "/change"
"""The JSON pointer of what is to be changed."""
MOST_EDITED = 1000


class Edit(BaseModel, Generic[Change]):
    """Which records to change, and what of them. `{"all": []}` lets all of them through."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    filter: dict[str, Any] = Field(description=FILTER, examples=[EXAMPLE])
    change: Change
    limit: int = Field(
        default=MOST_EDITED, ge=1, le=MOST_EDITED, description="The most to change at once."
    )

    def listing(self, of: Object, access: Access) -> Listing:
        """Its records, as checked for somebody with this access.

        Raises:
            InvalidFilter: it asks for what there is not.
        """
        tree = parse(self.filter, of.fields(access.hidden_of(of.name)), at="/filter")
        return Listing(of, tree, limit=self.limit - 1)


class Edited(BaseModel):
    """What a bulk edit came to: its operation can be undone."""

    model_config = ConfigDict(frozen=True)

    operation_id: UUID | None = Field(description="Null where nothing had to be changed.")
    changed: int = Field(description="Records that had other values before.")
    more: bool = Field(
        description="There may be more: the same edit again goes on, as another operation."
    )
