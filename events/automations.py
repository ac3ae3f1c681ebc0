"""Events of automations."""

from typing import ClassVar
from uuid import UUID

from events.envelope import Event


class AutomationRan(Event):
    """An automation acted on an event. `aggregate_id` is the run."""

    source: ClassVar[str] = "automations"
    automation_id: UUID
    event_id: UUID
    event_type: str
    outcome: str
