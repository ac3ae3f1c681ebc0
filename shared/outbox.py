"""Publishing committed events to EventBridge.

The outbox table is the truth: an event leaves it only once EventBridge has taken it. A function
publishes what it has just committed once per invocation, within a small time budget; whatever a
crash, a full bus or the budget leaves behind, `functions/outbox` sends a minute later. So an event
may be published twice, and consumers mark what they have seen (`Tx.first_times`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

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
    waiting = [parcel_of(event) for event in _committed]
    _committed.clear()
    try:
        forget(publish(waiting, budget_s=_BUDGET_S))
    except Exception:
        logger.exception("events stay in the outbox", metadata={"events": len(waiting)})


@dataclass(frozen=True, slots=True)
class Parcel:
    """An event packed for the bus; `detail` is its JSON."""

    workspace_id: UUID
    event_id: UUID
    source: str
    type: str
    detail: str


def parcel_of(event: Event) -> Parcel:
    """An event packed for the bus."""
    detail = event.model_dump_json()
    return Parcel(event.workspace_id, event.id, event.source, event.type_name(), detail)


def publish(parcels: Sequence[Parcel], *, budget_s: float) -> list[Parcel]:
    """Put events on the bus in tens, until done or out of time; those that it took.

    A call may succeed in part, and says so per entry only; one that fails altogether costs its ten.
    """
    taken: list[Parcel] = []
    deadline = time.monotonic() + budget_s
    for start in range(0, len(parcels), _ENTRIES_PER_CALL):
        if time.monotonic() > deadline:
            break
        chunk = parcels[start : start + _ENTRIES_PER_CALL]
        try:
            answer = client("events").put_events(Entries=[_entry(parcel) for parcel in chunk])
        except Exception:
            logger.exception("the bus took nothing", metadata={"events": len(chunk)})
            continue
        for parcel, result in zip(chunk, answer["Entries"], strict=True):
            if result.get("EventId"):
                taken.append(parcel)
            else:
                logger.warning(
                    "the bus refused an event",
                    workspace_id=str(parcel.workspace_id),
                    metadata={"event_id": str(parcel.event_id), "error": result.get("ErrorCode")},
                )
    return taken


def forget(published: Sequence[Parcel]) -> None:
    """Take published events out of the outbox, of whichever workspaces they are."""
    from shared.db import resolve

    if published:
        resolve(
            int,
            "select app.forget_published(%(workspaces)s::uuid[], %(events)s::uuid[])",
            workspaces=[parcel.workspace_id for parcel in published],
            events=[parcel.event_id for parcel in published],
        )


def _entry(parcel: Parcel) -> PutEventsRequestEntryTypeDef:
    return {
        "EventBusName": setting("BUS"),
        "Source": f"haste.{parcel.source}",
        "DetailType": parcel.type,
        "Detail": parcel.detail,
    }
