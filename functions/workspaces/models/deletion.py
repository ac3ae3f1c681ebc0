"""How a workspace is deleted, and what is told of that while it can be restored."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from functions.workspaces.models.workspaces import Workspace
from shared.errors import Conflict, FieldError, Unprocessable


class NotItsName(Unprocessable):
    """To delete a workspace, say its exact name; see `errors`."""

    def __init__(self, pointer: str) -> None:
        detail = "this is not the name of the workspace"
        super().__init__(errors=(FieldError(pointer, detail, "wrong_name"),))


class NotClosing(Conflict):
    """This workspace is not being deleted."""


class TooLate(Conflict):
    """The time to restore this workspace is over."""


class Confirmation(BaseModel):
    """The name of the workspace, exactly as it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    confirm: str = Field(max_length=200)


class Deletion(BaseModel):
    """That a workspace is to be deleted. Until `purge_at` an owner can restore it."""

    model_config = ConfigDict(frozen=True)

    requested_by: UUID
    at: datetime
    purge_at: datetime


class CurrentWorkspace(Workspace):
    """A workspace, and whether it is to be deleted."""

    deletion: Deletion | None


class WorkspaceRow(Workspace):
    """The same as Postgres has it."""

    deletion_asked_by: UUID | None
    deletion_asked_at: datetime | None
    purge_at: datetime | None

    @property
    def deletion(self) -> Deletion | None:
        """What is to be told of its deletion."""
        if not (self.deletion_asked_by and self.deletion_asked_at and self.purge_at):
            return None
        return Deletion(
            requested_by=self.deletion_asked_by, at=self.deletion_asked_at, purge_at=self.purge_at
        )

    @property
    def told(self) -> CurrentWorkspace:
        """As it is answered."""
        known = {name: getattr(self, name) for name in Workspace.model_fields}
        return CurrentWorkspace(**known, deletion=self.deletion)
