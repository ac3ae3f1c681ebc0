"""What an automation is, what it may do, and what became of its runs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from functions.activities.models import Title
from functions.contacts.models import ContactChange, Tag
from shared.errors import Conflict, NotFound, Unprocessable
from shared.standing import Standing
from shared.values import Line, Name, Text

MOST_AUTOMATIONS = 200

EventType = Literal[
    "EmailReceived",
    "EmailAnalyzed",
    "ContactCreated",
    "ContactChanged",
    "TaskCreated",
    "TaskChanged",
]
Conditions = Annotated[
    dict[str, Any],
    Field(
        description='A filter over the event\'s fields; `{"all": []}` is every event.',
        examples=[{"all": [{"field": "sentiment", "op": "eq", "value": "negative"}]}],
    ),
]


class AutomationNotFound(NotFound):
    """There is no automation with this id."""


class TooManyAutomations(Conflict):
    """This workspace has 200 automations, which is the most it may have; delete one first."""


class UnknownPlaceholder(Unprocessable):
    """A text names a {placeholder} that this kind of event has no field for."""


class ActionRefused(Unprocessable):
    """The contact cannot take this value; it has as many tags as a contact may have."""


class CreateTask(BaseModel):
    """Create a task about the event's contact and mail.

    `{field}` in `title` and `notes` stands for that field of the event. `due_in_days` counts from
    the event.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["create_task"]
    title: Title
    notes: Annotated[Text, Field(max_length=2_000)] | None = None
    due_in_days: Annotated[int, Field(ge=0, le=3650)] | None = None


class TagContact(BaseModel):
    """Put a tag on the event's contact."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["tag_contact"]
    tag: Tag


class SetField(BaseModel):
    """Set a field of the event's contact."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["set_field"]
    field: Literal["name", "company", "job_title", "phone"]
    value: Line

    @field_validator("value")
    @classmethod
    def _fits_the_contact(cls, value: str, info: ValidationInfo) -> str:
        field = info.data.get("field")
        if field is not None:
            try:
                ContactChange.model_validate({field: value})
            except ValidationError as error:
                raise ValueError(error.errors()[0]["msg"]) from None
        return value


Action = Annotated[CreateTask | TagContact | SetField, Field(discriminator="type")]


def _some(actions: tuple[Action, ...]) -> tuple[Action, ...]:
    # Not min_length: pydantic counts valid items for it, and so reports every bad one twice.
    if not actions:
        raise ValueError("an automation needs an action")
    return actions


Actions = Annotated[
    tuple[Action, ...],
    Field(max_length=10, json_schema_extra={"minItems": 1}),
    AfterValidator(_some),
]


class NewAutomation(BaseModel):
    """An automation to create."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    enabled: bool = True
    event_type: EventType
    conditions: Conditions = Field(default_factory=lambda: {"all": []})
    actions: Actions


class AutomationChange(BaseModel):
    """Fields to change; those left out stay. None of them can be cleared."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name | None = None
    enabled: bool | None = None
    event_type: EventType | None = None
    conditions: Conditions | None = None
    actions: Actions | None = None


class Automation(BaseModel):
    """What is done (`actions`, in order, all or none) when an event passes `conditions`.

    It acts for the member `user_id`, who last said what it does: with their permissions of then.
    """

    model_config = ConfigDict(frozen=True)

    id: UUID
    user_id: UUID
    name: str
    enabled: bool
    event_type: EventType
    conditions: dict[str, Any]
    actions: tuple[Action, ...]
    version: int
    created_at: datetime
    updated_at: datetime


class Rule(Standing):
    """A live automation as it is stored, unchecked: an older release may have written it. And the
    member it acts for.
    """

    id: UUID
    name: str
    conditions: Any
    actions: Any


class ActionResult(BaseModel):
    """What became of one action.

    `undone` did work, until a later action of the same run failed. `code` is why one failed.
    """

    model_config = ConfigDict(frozen=True)

    type: str
    outcome: Literal["done", "unchanged", "no_contact", "failed", "undone"]
    code: str | None = None
    contact_id: UUID | None = None
    task_id: UUID | None = None


class Run(BaseModel):
    """What an automation did about one event.

    `reason` says why it failed (an error code) or was skipped (`caused_by_automation`, or
    `no_longer_member`: whom it acts for has left).
    """

    model_config = ConfigDict(frozen=True)

    id: UUID
    automation_id: UUID
    event_id: UUID
    event_type: str
    status: Literal["done", "failed", "skipped"]
    reason: str | None = None
    actions: tuple[ActionResult, ...] = ()


class StoredRun(Run):
    """A run and when it was."""

    created_at: datetime
