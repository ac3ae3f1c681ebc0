"""Which endpoints get an event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from events.envelope import Event
from shared.ids import uuid7

_OVERLAP = timedelta(minutes=1)
"""How far the clock of who emits an event may be behind the database's."""
_TELL_LITTLE = ("EmailReceived", "EmailChanged")


class Listener(BaseModel):
    """An endpoint as far as it matters to events that happen."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    user_id: UUID
    event_types: tuple[str, ...] | None
    created_at: datetime

    def wants(self, event: Event) -> bool:
        """Whether the event is of one of its types."""
        return self.event_types is None or event.type_name() in self.event_types

    def was_there(self, event: Event) -> bool:
        """Whether it existed when the event happened: events of long ago may come again."""
        return event.at > self.created_at - _OVERLAP

    def may_read(self, event: Event, readers: Mapping[UUID, UUID | None]) -> bool:
        """Whether its member may, where `readers` has the mailboxes that events tell of."""
        mailbox_id = mailbox_of(event)
        return mailbox_id is None or (
            mailbox_id in readers and readers[mailbox_id] in (None, self.user_id)
        )


class Recorded(BaseModel):
    """An event of the feed, as it is stored; no payload where it is not wanted."""

    model_config = ConfigDict(frozen=True)

    type: str
    position: int
    payload: dict[str, Any] | None


class Readers(NamedTuple):
    """Who may read a mailbox's mails: one member, or every one."""

    mailbox_id: UUID
    user_id: UUID | None


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A delivery to store."""

    endpoint_id: UUID
    event_id: UUID
    event_type: str
    position: int | None
    mailbox_id: UUID | None
    body: str
    id: UUID = field(default_factory=uuid7)


def mailbox_of(event: Event) -> UUID | None:
    """The mailbox whose mails an event tells of, if not every member may read what it tells; the
    feed's policy `sharing` in the database says the same.
    """
    if event.type_name() in _TELL_LITTLE:
        return None
    return getattr(event, "mailbox_id", None)
