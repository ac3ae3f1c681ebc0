"""What every event carries, and the registry of event classes.

An event is a fact in the past tense. Classes only ever gain optional fields; a breaking change is a
new class. Consumers ignore fields they do not know, so an older one survives a newer producer.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar, TypedDict
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from events.ids import uuid7

REGISTRY: dict[str, type[Event]] = {}


def _now() -> datetime:
    return datetime.now(UTC)


class Event(BaseModel):
    """A fact about one aggregate (a contact, a mail, ...) of one workspace.

    `actor` is who caused it: `user:<uuid>`, `key:<uuid>`, `system:<capability>` or
    `automation:<uuid>`. `aggregate_version` grows by one with every change of the aggregate, so a
    receiver that ignores lower versions ends in the right state whatever the order of delivery.
    `position` is the event's place in its workspace's feed; it is known once the transaction has
    written it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    source: ClassVar[str]
    """The capability that emits it; on the bus the source is `haste.<source>`."""
    version: ClassVar[int] = 1
    since: ClassVar[str] = "0.1"
    """The release that brought the event."""
    topic: ClassVar[str] = ""
    """What clients of the WebSocket API subscribe to for it: `source`, if a class says nothing."""
    permission: ClassVar[str] = ""
    """What it takes to be told of it: `<topic>.read`, if a class says nothing."""
    thing: ClassVar[str] = ""
    """The object that it tells of, whose fields may be hidden: that of its permission."""
    personal: ClassVar[frozenset[str]] = frozenset()
    """Its fields that tell of a person the workspace has data about: an erasure takes these out."""
    audited: ClassVar[bool] = False
    """Whether it goes to the audit log itself, because no table tells of it that is audited."""

    id: UUID = Field(default_factory=uuid7)
    workspace_id: UUID
    at: datetime = Field(default_factory=_now)
    actor: str = "system"
    aggregate_id: UUID
    aggregate_version: int = 1
    position: int | None = None

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.topic = cls.topic or cls.source
        cls.permission = cls.permission or f"{cls.topic}.read"
        cls.thing = cls.permission.partition(".")[0]
        REGISTRY[cls.__name__] = cls

    @classmethod
    def type_name(cls) -> str:
        """The event's type on the bus (`detail-type`) and in the feed."""
        return cls.__name__


class Envelope(TypedDict):
    """What the transaction that emits an event knows of it."""

    workspace_id: UUID
    actor: str
    aggregate_id: UUID
    aggregate_version: int


def parse(type_name: str, payload: bytes | str | dict[str, Any]) -> Event | None:
    """The event of that type, or None where this code does not know the type.

    Raises:
        pydantic.ValidationError: the payload does not fit its class.
    """
    known = REGISTRY.get(type_name)
    if known is None:
        return None
    if isinstance(payload, dict):
        return known.model_validate(payload)
    return known.model_validate_json(payload)
