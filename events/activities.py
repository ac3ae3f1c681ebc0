"""Events of tasks."""

from typing import ClassVar
from uuid import UUID

from events.envelope import Event


class TaskCreated(Event):
    """A task was created. `aggregate_id` is the task."""

    source: ClassVar[str] = "activities"
    topic: ClassVar[str] = "tasks"
    personal: ClassVar[frozenset[str]] = frozenset({"title"})
    title: str
    email_id: UUID | None = None
    contact_id: UUID | None = None


class TaskChanged(Event):
    """A task's fields changed; `changed` names them."""

    source: ClassVar[str] = "activities"
    topic: ClassVar[str] = "tasks"
    personal: ClassVar[frozenset[str]] = frozenset({"title"})
    title: str
    status: str
    changed: tuple[str, ...]
    email_id: UUID | None = None
    contact_id: UUID | None = None


class TaskDeleted(Event):
    """A task was deleted."""

    source: ClassVar[str] = "activities"
    topic: ClassVar[str] = "tasks"
    personal: ClassVar[frozenset[str]] = frozenset({"title"})
    title: str


class TaskRestored(Event):
    """A deleted task is there again, as it was: its deletion was undone."""

    source: ClassVar[str] = "activities"
    topic: ClassVar[str] = "tasks"
    personal: ClassVar[frozenset[str]] = frozenset({"title"})
    title: str
    status: str
    email_id: UUID | None = None
    contact_id: UUID | None = None
