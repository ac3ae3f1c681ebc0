"""What an endpoint is, and a delivery to it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from events.catalogue import all_events
from shared.errors import Conflict, NotFound
from shared.queues import Outgoing
from shared.values import Text

MOST_ENDPOINTS = 20
State = Literal["pending", "delivered", "failed"]


class EndpointNotFound(NotFound):
    """There is no webhook endpoint with this id."""


class DeliveryNotFound(NotFound):
    """There is no delivery with this id at this endpoint; they are kept for 30 days."""


class TooManyEndpoints(Conflict):
    """This workspace has 20 webhook endpoints, which is the most it may have; delete one first."""


class EndpointDisabled(Conflict):
    """Nothing is sent to a disabled endpoint; enable it first."""


def _known(event_type: str) -> str:
    if event_type not in all_events():
        raise ValueError("no such event type; see the catalogue of events")
    return event_type


def _some_once_each(types: tuple[str, ...]) -> tuple[str, ...]:
    # Not min_length: pydantic counts valid items for it, and so reports every bad one twice.
    if not types:
        raise ValueError("name a type, or send null for all")
    return tuple(sorted(set(types)))


EventType = Annotated[str, Field(max_length=100), AfterValidator(_known)]
EventTypes = Annotated[
    tuple[EventType, ...],
    Field(
        max_length=200,
        json_schema_extra={"minItems": 1},
        description="Only events of these types are sent; null: all, also those to come.",
        examples=[["ContactCreated", "EmailAnalyzed"]],
    ),
    AfterValidator(_some_once_each),
]
Url = Annotated[
    str, Field(max_length=2048, description="Where to: https, a public host name, port 443.")
]
Description = Annotated[Text, Field(max_length=500)]


class NewEndpoint(BaseModel):
    """An endpoint to create."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Url
    description: Description = ""
    event_types: EventTypes | None = None
    enabled: bool = True


class EndpointChange(BaseModel):
    """Fields to change; those left out stay. Null is for `event_types` alone, and means all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Url | None = None
    description: Description | None = None
    event_types: EventTypes | None = None
    enabled: bool | None = None


class Endpoint(BaseModel):
    """Where events are sent.

    `disabled_reason` says why we disabled it: `gone` (it answered 410), `failing` (every attempt
    failed for five days) or `unconfirmed` (it was made before the address of its member was
    confirmed, by a password reset: whoever made it may have been another). Enabling it clears that,
    and what is pending is sent.
    """

    model_config = ConfigDict(frozen=True)

    id: UUID
    user_id: UUID = Field(
        description="Who gave it its URL. Events that tell what is in a mailbox's mails are sent if"
        " this member may read those mails."
    )
    url: str
    description: str
    event_types: tuple[str, ...] | None
    enabled: bool
    disabled_reason: Literal["gone", "failing", "unconfirmed"] | None
    failing_since: datetime | None
    previous_secret_until: datetime | None = Field(
        description="Until then requests are signed with the secret before the last rotation, too."
    )
    version: int
    created_at: datetime
    updated_at: datetime


class EndpointWithSecret(Endpoint):
    """An endpoint, and the secret that its requests are signed with: it is shown this once."""

    secret: str


class Attempt(BaseModel):
    """One request. `response` is the beginning of the answer's body; `error` is why there is no
    answer, or `redirect`, which is not followed.
    """

    model_config = ConfigDict(frozen=True)

    at: datetime
    duration_ms: int
    status: int | None
    error: str | None
    response: str


class Delivery(BaseModel):
    """An event on its way to an endpoint: `pending` until it was `delivered`, or has `failed`.

    `attempts` counts those since it was made or replayed; `log` holds the last 20. `due_at` is when
    the next one is made, if it is pending.
    """

    model_config = ConfigDict(frozen=True)

    id: UUID
    event_id: UUID = Field(description="What requests carry as `webhook-id`.")
    event_type: str
    position: int | None
    state: State
    reason: str | None
    attempts: int
    due_at: datetime
    created_at: datetime
    settled_at: datetime | None
    log: tuple[Attempt, ...]


class DeliveryWithBody(Delivery):
    """A delivery and the very text that is sent."""

    body: str | None = Field(description="Null where the caller may not read events of this type.")


class Replay(BaseModel):
    """Which events to send again: those after a position of the change feed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    after_position: Annotated[int, Field(ge=0, lt=2**63)]


class Replayed(BaseModel):
    """How many events will be sent again. Where there are `more`, ask again with `position`."""

    model_config = ConfigDict(frozen=True)

    replayed: int
    position: int
    more: bool


class DueEndpoint(BaseModel):
    """A message of the queue `webhook-sends`: an endpoint with something to send."""

    model_config = ConfigDict(frozen=True)

    workspace_id: UUID
    endpoint_id: UUID


class EndpointRef(NamedTuple):
    """What a look-up across workspaces gives."""

    workspace_id: UUID
    endpoint_id: UUID


class Disabled(NamedTuple):
    """An endpoint that was disabled just now."""

    id: UUID
    version: int
    url: str


def host_of(url: str) -> str:
    """The host of a URL: as much of it as others may know."""
    return urlsplit(url).hostname or ""


def due_message(workspace_id: UUID, endpoint_id: UUID) -> Outgoing:
    """The message that wakes a sender for an endpoint."""
    message = DueEndpoint(workspace_id=workspace_id, endpoint_id=endpoint_id)
    return Outgoing(message.model_dump_json(), group=str(workspace_id))
