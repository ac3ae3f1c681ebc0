"""Requests of people about their data, and how far each is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.errors import Conflict, NotFound, Unprocessable
from shared.privacy import Batch
from shared.values import EmailAddress

Kind = Literal["export", "erasure"]
State = Literal["waiting", "running", "done", "failed"]
KEPT_DAYS = 7
"""For how long an export can be downloaded."""


class PersonNotFound(NotFound):
    """There is no contact with this id."""


class RequestNotFound(NotFound):
    """There is no request with this id."""


class ExportNotThere(NotFound):
    """This request has no export to download: it is none, not done, or over seven days old."""


class AlreadyAsked(Conflict):
    """Such a request for this person is open; `existing_id` names it."""


class OneOfYours(Unprocessable):
    """This is an address of a member or a mailbox of yours: erasing it would erase that mailbox,
    and members erase their accounts themselves.
    """


class NotGivenUp(Conflict):
    """Only a request that was given up can be tried again, and none about who was erased."""


class NewPrivacyRequest(BaseModel):
    """A request to make. The person is a contact, deleted or not, or whoever has an address."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    thing: ClassVar[str] = "contacts"

    kind: Kind
    contact_id: UUID | None = None
    email: EmailAddress | None = None

    @model_validator(mode="after")
    def _one_person(self) -> NewPrivacyRequest:
        if (self.contact_id is None) == (self.email is None):
            raise ValueError("a request is about a contact_id or an email: say one of both")
        return self


class Step(BaseModel):
    """How far one part is. `rows` counts by table; `attempts` are those that failed."""

    model_config = ConfigDict(frozen=True)

    state: State = "waiting"
    rows: dict[str, int] = {}
    error: str | None = None
    attempts: int = 0
    after: str | None = Field(default=None, exclude=True)

    def stored(self) -> dict[str, object]:
        """It as a row has it."""
        return {**self.model_dump(), "after": self.after}

    def grown(self, batch: Batch, *, settled: bool) -> Step:
        """It after one batch more; `settled`: what it comes after was done when it began."""
        rows = {
            name: self.rows.get(name, 0) + batch.rows.get(name, 0)
            for name in sorted({*self.rows, *(n for n, rows in batch.rows.items() if rows)})
        }
        state = "running" if batch.after is not None else "done" if settled else "waiting"
        return Step(state=state, rows=rows, after=batch.after, attempts=self.attempts)


class PrivacyRequest(BaseModel):
    """Somebody's request. `email` is forgotten when an erasure is done. An erasure goes through
    everything twice, as `round` counts, because something may have been on its way. `reason` is why
    it failed.
    """

    model_config = ConfigDict(frozen=True)
    thing: ClassVar[str] = "contacts"

    id: UUID
    kind: Kind
    contact_id: UUID | None
    email: str | None
    state: State
    reason: str | None
    round: int
    steps: dict[str, Step]
    size: int | None
    requested_by: str
    attempts: int
    version: int
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


class RequestRef(NamedTuple):
    """What a look-up across workspaces gives."""

    workspace_id: UUID
    request_id: UUID


class Asked(NamedTuple):
    """Whom a request may be about."""

    email: str | None


@dataclass(frozen=True, slots=True)
class Taken:
    """A request that somebody works on: `claim` is theirs as long as the row has it."""

    id: UUID
    claim: UUID
    kind: Kind
    contact_id: UUID | None
    contact_ids: tuple[UUID, ...]
    address: str | None
    names: tuple[str, ...]
    round: int
    steps: Mapping[str, Step]
    objects: tuple[str, ...]
    attempts: int


class Lost(Exception):
    """Somebody else works on the request by now, or nobody is to any more."""
