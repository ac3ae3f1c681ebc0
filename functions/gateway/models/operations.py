"""What operations, batches and their undoing look like."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.errors import BadRequest, Conflict, HasteError, NotFound
from shared.operations import Kind

MOST = 200


class UnknownPath(BadRequest):
    """There is nothing at this path that a batch could change."""


class BatchFailed(HasteError):
    """One of the changes was refused, so none was made; see `errors`."""


class OperationNotFound(NotFound):
    """There is no operation with this id; they can be undone for 30 days."""


class AlreadyUndone(Conflict):
    """This operation was undone before; `existing_id` is the operation that did so, and it can be
    undone in turn.
    """


class CannotUndo(Conflict):
    """Not everything can be restored, so nothing was undone; `errors` names each record and why."""


class Change(BaseModel):
    """One change of a batch: a request as it would be sent alone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Literal["POST", "PUT", "PATCH", "DELETE"]
    path: Annotated[
        str,
        Field(
            max_length=2000,
            pattern=r"^/api/(v1|latest)/[!-~]+$",
            description="With its query, such as `/api/v1/contacts?match=email`.",
        ),
    ]
    body: dict[str, Any] | None = None
    if_match: Annotated[
        str | None, Field(max_length=100, pattern="^[ -~]*$", description="ETag of the record.")
    ] = None


class Batch(BaseModel):
    """Changes that are made in their order, in one transaction."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    atomic: bool = Field(
        default=False,
        description="All or nothing: the first that is refused ends the batch, and nothing is"
        " changed. Otherwise what is refused is left out.",
    )
    operations: Annotated[list[Change], Field(min_length=1, max_length=MOST)]


class Result(BaseModel):
    """What one change was answered: as if it had been sent alone."""

    model_config = ConfigDict(frozen=True)

    status: int
    etag: str | None = None
    location: str | None = None
    body: Any = Field(default=None, description="The answer's JSON; a problem where it failed.")


class BatchDone(BaseModel):
    """The answers, in the order of the changes. The operation can be undone."""

    model_config = ConfigDict(frozen=True)

    operation_id: UUID
    results: list[Result]


class Operation(BaseModel):
    """Changes that were made together. `actor` is as events have it."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    kind: Kind
    actor: str
    records: int = Field(description="How many records it changed.")
    undone_by: UUID | None
    created_at: datetime


class Undone(BaseModel):
    """What undoing came to: it is an operation itself, and undoing that does it all again."""

    model_config = ConfigDict(frozen=True)

    operation_id: UUID
    restored: int = Field(description="How many records are again as they were before.")


class RecordedChange(BaseModel):
    """What a record was before an operation, null where it was not; and which version that left."""

    model_config = ConfigDict(frozen=True)

    object: str
    record_id: UUID
    before: dict[str, Any] | None
    version: int
