"""What the audit log tells: who changed what, when, from where, and what it was before."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.access import Access

UNTOLD = "***"
"""In place of a value that is not told: a secret's, or a field's that is hidden from the reader."""


class AuditEntry(BaseModel):
    """A change, or what happened to somebody's way in."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    at: datetime
    actor: str = Field(
        description="`user:<id>`, `key:<id>`, `system:<capability>` or `automation:<id>`; or"
        " `database:<role>`, where somebody changed the database itself."
    )
    action: str = Field(
        description="`created`, `changed`, `deleted` or `restored`; or an event's type, where no"
        " record tells of it, as `SessionOpened`."
    )
    object_type: str = Field(description="A kind of record, as `contacts`; or an event's topic.")
    object_id: UUID
    before: dict[str, Any] | None = Field(
        description="What was before, of the fields that changed; of what was deleted, all."
        f" `{UNTOLD}` stands for values that are not told."
    )
    after: dict[str, Any] | None = Field(description="What they are now; what an event says.")
    source_ip: str | None
    user_agent: str | None
    request_id: str | None = Field(description="The request, as in our logs and in problems.")
    position: int | None = Field(description="The event's place in the change feed, if it is one.")

    def as_seen_with(self, access: Access) -> AuditEntry:
        """It without the values of fields that are hidden from who reads it."""
        hidden = access.hidden_of(self.object_type)
        if not hidden:
            return self
        said = {name: _without(getattr(self, name), hidden) for name in ("before", "after")}
        return self.model_copy(update=said)


class Wanted(NamedTuple):
    """Which entries: those that all of this is true of; None is any."""

    actor: str | None = None
    action: str | None = None
    object_type: str | None = None
    object_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


def _without(said: dict[str, Any] | None, hidden: frozenset[str]) -> dict[str, Any] | None:
    if said is None:
        return None
    return {name: UNTOLD if name in hidden else value for name, value in said.items()}
