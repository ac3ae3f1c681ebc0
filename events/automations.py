"""Events of automations."""

from typing import ClassVar
from uuid import UUID

from events.envelope import Event


class AutomationCreated(Event):
    """An automation was created. `aggregate_id` is the automation."""

    source: ClassVar[str] = "automations"
    name: str
    enabled: bool
    event_type: str


class AutomationChanged(Event):
    """An automation's fields changed; `changed` names them."""

    source: ClassVar[str] = "automations"
    name: str
    enabled: bool
    event_type: str
    changed: tuple[str, ...]


class AutomationDeleted(Event):
    """An automation was deleted."""

    source: ClassVar[str] = "automations"
    name: str


class AutomationRan(Event):
    """An automation acted on an event, or failed to. `aggregate_id` is the run."""

    source: ClassVar[str] = "automations"
    automation_id: UUID
    event_id: UUID
    event_type: str
    outcome: str
