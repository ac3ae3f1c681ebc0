"""What a task is, and what a caller may say about one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.errors import FieldError, NotFound, Unprocessable
from shared.values import Instant, Line, Text

TITLE_LENGTH = 200
NOTES_LENGTH = 10_000

Title = Annotated[Line, Field(min_length=1, max_length=TITLE_LENGTH)]
Notes = Annotated[Text, Field(max_length=NOTES_LENGTH)]
Source = Annotated[Line, Field(min_length=1, max_length=500)]
Status = Literal["open", "done"]


class TaskNotFound(NotFound):
    """There is no task with this id."""


class UnknownContact(Unprocessable):
    """The task's contact does not exist."""

    def __init__(self) -> None:
        super().__init__(
            errors=(FieldError("/contact_id", "there is no contact with this id", "unknown"),)
        )


class UnknownEmail(Unprocessable):
    """The task's mail does not exist."""

    def __init__(self) -> None:
        super().__init__(
            errors=(FieldError("/email_id", "there is no mail with this id", "unknown"),)
        )


class NewTask(BaseModel):
    """A task to create. `source` says in words what it came from, such as a sentence of a mail. The
    owner left out is the caller; null is nobody.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    thing: ClassVar[str] = "tasks"

    title: Title
    notes: Notes | None = None
    status: Status = "open"
    due_at: Instant | None = None
    contact_id: UUID | None = None
    email_id: UUID | None = None
    source: Source | None = None
    owner_id: UUID | None = None


class TaskChange(BaseModel):
    """Fields to change; those left out stay, and null clears what may be empty."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    thing: ClassVar[str] = "tasks"

    title: Title | None = Field(default=None, description="A title cannot be cleared.")
    notes: Notes | None = None
    status: Status | None = Field(default=None, description="A status cannot be cleared.")
    due_at: Instant | None = None
    contact_id: UUID | None = None
    email_id: UUID | None = None
    owner_id: UUID | None = None


class TaskEdit(BaseModel):
    """What to change of many tasks; fields left out stay, and null clears what may be empty."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    thing: ClassVar[str] = "tasks"

    status: Status | None = Field(default=None, description="A status cannot be cleared.")
    due_at: Instant | None = None
    owner_id: UUID | None = None


class Task(BaseModel):
    """Something to do. `created_by` is an actor as events have it: `user:<uuid>` and the like."""

    model_config = ConfigDict(frozen=True)
    thing: ClassVar[str] = "tasks"

    id: UUID
    title: str
    notes: str | None
    status: Status
    due_at: datetime | None
    contact_id: UUID | None
    email_id: UUID | None
    source: str | None
    owner_id: UUID | None
    created_by: str
    automation_run_id: UUID | None
    version: int
    created_at: datetime
    updated_at: datetime


class EditedTask(Task):
    """A task, and which of its fields an edit has changed."""

    changed: tuple[str, ...]


class StoredTask(Task):
    """A task as it is stored, deleted or not."""

    deleted_at: datetime | None
