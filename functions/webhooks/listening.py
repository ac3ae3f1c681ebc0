"""Which endpoints get an event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from events.envelope import Event
from shared.ids import uuid7
from shared.standing import Standing
from shared.telling import may_read

_OVERLAP = timedelta(minutes=1)
"""How far the clock of who emits an event may be behind the database's."""


class Listener(Standing):
    """An endpoint as far as it matters to events that happen, and the member it is of."""

    id: UUID
    event_types: tuple[str, ...] | None
    created_at: datetime

    def wants(self, event: Event) -> bool:
        """Whether the event is of one of its types."""
        return self.event_types is None or event.type_name() in self.event_types

    def was_there(self, event: Event) -> bool:
        """Whether it existed when the event happened: events of long ago may come again."""
        return event.at > self.created_at - _OVERLAP

    def may_read(self, event: Event, readers: Mapping[UUID, UUID | None]) -> bool:
        """Whether its member may be told of it, whatever it is about; `readers` has the mailboxes
        that events tell of.
        """
        permitted = self.access.reach.get(event.permission) == "all"
        return permitted and may_read(self.user_id, event, readers)


class Recorded(BaseModel):
    """An event of the feed, as it is stored; no payload where it is not wanted."""

    model_config = ConfigDict(frozen=True)

    type: str
    position: int
    payload: dict[str, Any] | None


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
