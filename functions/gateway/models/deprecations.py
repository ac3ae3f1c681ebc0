"""Who still uses routes that will go."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class DeprecatedUse(BaseModel):
    """How often somebody used a route on one day that will go."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    route: str = Field(examples=["GET /api/v1/contacts"])
    actor: str = Field(description="`user:<id>` or `key:<id>`.")
    day: date = Field(description="In UTC.", examples=["2026-11-02"])
    sunset: date = Field(
        description="From that day on the route is not there any more.", examples=["2027-05-02"]
    )
    uses: int
    first_at: datetime
    last_at: datetime
