"""An event on its way out."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Unpublished(BaseModel):
    """An event that waits in the outbox; `detail` is its JSON, with its position."""

    model_config = ConfigDict(frozen=True)

    workspace_id: UUID
    event_id: UUID
    type: str
    detail: str
