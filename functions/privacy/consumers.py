"""The queue `privacy-requests`: requests that were just made."""

from __future__ import annotations

from collections.abc import Sequence

from events.envelope import Event
from events.privacy import PersonErasureRequested, PersonExportRequested
from functions.privacy.saga import deadline, work_on
from shared.runtime import Consumer

consumer = Consumer("privacy-requests")


def begin(events: Sequence[Event]) -> None:
    """Work on requests; the schedule goes on with what is not done here."""
    until = deadline()
    for event in events:
        work_on(event.workspace_id, event.aggregate_id, until)


for kind in (PersonErasureRequested, PersonExportRequested):
    consumer.on_vendor(kind)(begin)

handler = consumer.handler
