"""What a workspace is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.errors import NotFound
from shared.text import Line


class WorkspaceNotFound(NotFound):
    """There is no such workspace."""


class NewWorkspace(BaseModel):
    """A workspace to create; its creator owns it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[Line, Field(min_length=1, max_length=200)]


class Workspace(BaseModel):
    """A workspace."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    name: str
    version: int
    created_at: datetime
    updated_at: datetime
