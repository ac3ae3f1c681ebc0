"""Publishing committed events to EventBridge.

The outbox table is the truth: an event leaves it only once EventBridge has taken it. A function
publishes what it has just committed once per invocation, within a small time budget; whatever a
crash, a full bus or the budget leaves behind, `functions/outbox` sends a minute later. So an event
may be published twice, and consumers mark what they have seen (`Tx.first_time`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from events.envelope import Event
from shared.aws import client
from shared.log import logger
from shared.settings import setting

if TYPE_CHECKING:
    from types_boto3_events.type_defs import PutEventsRequestEntryTypeDef

_ENTRIES_PER_CALL = 10
"""PutEvents takes ten entries.
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
"""
_BUDGET_S = 2.0

_committed: list[Event] = []


def remember(events: Iterable[Event]) -> None:
    """Keep events of a committed transaction until `publish_committed`."""
    _committed.extend(events)


def drop() -> None:
    """Forget what waits to be published; the sweeper will publish it."""
    _committed.clear()


def publish_committed() -> None:
    """Publish what this invocation committed. Never raises: the sweeper sends what is left."""
    if not _committed:
        return
    waiting = tuple(_committed)
    _committed.clear()
    try:
        forget(publish(waiting, budget_s=_BUDGET_S))
    except Exception:
        logger.exception("events stay in the outbox", metadata={"events": len(waiting)})


def publish(events: Sequence[Event], *, budget_s: float) -> list[Event]:
    """Put events on the bus in tens; those that it took.

    A PutEvents call may succeed in part, and says so per entry only.
    """
    taken: list[Event] = []
    deadline = time.monotonic() + budget_s
    for chunk in _in_tens(events):
        if time.monotonic() > deadline:
            break
        answer = client("events").put_events(Entries=[_entry(event) for event in chunk])
        for event, result in zip(chunk, answer["Entries"], strict=True):
            if result.get("EventId"):
                taken.append(event)
            else:
                logger.warning(
                    "the bus refused an event",
                    workspace_id=str(event.workspace_id),
                    metadata={"event_id": str(event.id), "error": result.get("ErrorCode")},
                )
    return taken


def forget(published: Sequence[Event]) -> None:
    """Take published events out of the outbox, of whichever workspaces they are."""
    from shared.db import resolve

    if published:
        resolve(
            int,
            "select app.forget_published(%(workspaces)s::uuid[], %(events)s::uuid[])",
            workspaces=[event.workspace_id for event in published],
            events=[event.id for event in published],
        )


def _entry(event: Event) -> PutEventsRequestEntryTypeDef:
    return {
        "EventBusName": setting("BUS"),
        "Source": f"haste.{event.source}",
        "DetailType": event.type_name(),
        "Detail": event.model_dump_json(),
    }


def _in_tens(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    for start in range(0, len(events), _ENTRIES_PER_CALL):
        yield events[start : start + _ENTRIES_PER_CALL]
