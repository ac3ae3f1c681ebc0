"""What a workspace is."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shared.errors import NotFound
from shared.values import Name


class WorkspaceNotFound(NotFound):
    """There is no such workspace."""


class NewWorkspace(BaseModel):
    """A workspace to create; its creator owns it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name


class WorkspaceChange(BaseModel):
    """What is to be different."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name


class Workspace(BaseModel):
    """A workspace."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    name: str
    version: int
    created_at: datetime
    updated_at: datetime
