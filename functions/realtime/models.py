"""Tickets, connections, topics, and what is said over a socket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from shared.access import ROLES, Access, access_of
from shared.errors import BadRequest, Forbidden, TooManyRequests, Unavailable

TICKET_SECONDS = 60
MOST_CONNECTIONS = 20
MOST_TOPICS = 200
VIEW_SECONDS = 90
RESUMED_AT_MOST = 500


class UnknownTopic(BadRequest):
    """There is no such topic; see `errors`, and `GET /api/v1/realtime/topics`."""


class TopicNotPermitted(Forbidden):
    """You may not follow this topic; see `errors`."""


class TooManyTopics(TooManyRequests):
    """A connection follows 200 topics at most; leave some."""


class TooManyConnections(TooManyRequests):
    """You have 20 connections to this workspace, which is the most there may be."""


class InvalidMessage(BadRequest):
    """This is not a message we know; see `errors`."""


class RegistryDown(Unavailable):
    """Live updates are not available now; try again."""


class SessionEnded(Exception):
    """The sign-in that a connection was opened with is over, and so is the connection."""


class Ticket(BaseModel):
    """What opens one connection, once, within a minute: connect to `<url>?ticket=<ticket>`."""

    model_config = ConfigDict(frozen=True)

    ticket: str
    expires_in: int = Field(description="Seconds.")
    url: str = Field(description="Of the WebSocket API.")


class Holder(BaseModel):
    """Whom a ticket was given to, and what they might do then, as grants."""

    model_config = ConfigDict(frozen=True)

    user_id: UUID
    session_id: UUID
    access: str


class LiveSession(BaseModel):
    """A sign-in that is not over, with the person's role as it is now; `grants` are those of a role
    of the workspace's own.
    """

    model_config = ConfigDict(frozen=True)

    session_id: UUID
    role: str
    grants: list[str] | None

    @property
    def access(self) -> Access:
        """What the person may do."""
        return access_of(" ".join(self.grants)) if self.grants is not None else ROLES[self.role]


class TopicInfo(BaseModel):
    """A topic that can be followed, as a whole or for one record (`contacts:<id>`)."""

    model_config = ConfigDict(frozen=True)

    topic: str
    events: list[str] = Field(description="The types of event that are told.")
    permissions: list[str] = Field(description="What it takes to be told of them, each of its own.")
    allowed: Literal["all", "records"] | None = Field(
        description="What you may follow: everything, records that you may read, or nothing."
    )


class Topics(BaseModel):
    """Every topic there is."""

    model_config = ConfigDict(frozen=True)

    items: list[TopicInfo]


@dataclass(frozen=True, slots=True)
class Connection:
    """An open connection. `viewing` is a record's topic, and counts until `viewing_until`; times
    are Unix seconds of the cache's clock.
    """

    id: str
    user_id: UUID
    session_id: UUID
    topics: frozenset[str]
    viewing: str
    viewing_until: int
    seen: int


@dataclass(frozen=True, slots=True)
class Missed:
    """An event of the feed, as far as clients are told."""

    type: str
    id: UUID
    version: int
    position: int


@dataclass(frozen=True, slots=True)
class Resumed:
    """What happened since a position. `events` is None where there is too much, or it is no longer
    kept; `head` is the feed's end, up to which this speaks.
    """

    head: int
    events: tuple[Missed, ...] | None


class _Said(BaseModel):
    """A client's message; `ref` comes back with the answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ref: Annotated[str, Field(max_length=64)] | None = None


After = Annotated[str, Field(max_length=100)] | None
Names = Annotated[tuple[Annotated[str, Field(max_length=100)], ...], Field(max_length=100)]


class Subscribe(_Said):
    """Follow topics; with `after`, a cursor of the feed, be told what happened since."""

    action: Literal["subscribe"]
    topics: Names
    after: After = None


class Unsubscribe(_Said):
    """Follow topics no more."""

    action: Literal["unsubscribe"]
    topics: Names


class Ping(_Said):
    """Stay known; with `after`, be told what happened since on the topics that are followed."""

    action: Literal["ping"]
    after: After = None


class View(_Said):
    """Be seen looking at a record, `type` being its topic."""

    action: Literal["view"]
    type: Annotated[str, Field(max_length=60)]
    id: UUID


class Leave(_Said):
    """Look at no record any more."""

    action: Literal["leave"]


Said = Subscribe | Unsubscribe | Ping | View | Leave
Answer = dict[str, Any]

_SAID: TypeAdapter[Said] = TypeAdapter(Annotated[Said, Field(discriminator="action")])


def parse_message(text: str) -> Said:
    """A client's message.

    Raises:
        pydantic.ValidationError: it is none.
    """
    return _SAID.validate_json(text)
