"""What the outbox does: publish what was left, and tidy up.

No transaction is open while the bus is asked.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from events.catalogue import all_events
from functions.outbox import queries, store
from functions.outbox.models import Unpublished
from shared.db import system_transaction
from shared.log import logger, metrics
from shared.outbox import Parcel, forget, publish
from shared.settings import setting

ACTOR = "system:outbox"
_CLAIM = 500
_EXPIRE = 5_000
_BUDGET_S = 60.0  # half the function's timeout: the last batch gets the other half


def sweep() -> None:
    """Publish every event that is due, and measure how far behind we are.

    A crash after publishing and before forgetting leaves rows that are published once more later;
    consumers mark what they have seen.
    """
    older_than_s = float(setting("OUTBOX_AGE_SECONDS", "10"))
    deadline = time.monotonic() + _BUDGET_S
    published = 0
    while True:
        with system_transaction(ACTOR) as tx:
            claimed = store.claim(tx, limit=_CLAIM, older_than_s=older_than_s)
        taken = publish(_parcels(claimed), budget_s=_BUDGET_S)
        forget(taken)
        published += len(taken)
        if not taken or time.monotonic() > deadline:
            break
    with system_transaction(ACTOR) as tx:
        oldest_s = queries.oldest_age_s(tx)
    metrics.add_metric("OutboxPublished", "Count", published)
    metrics.add_metric("OutboxOldestSeconds", "Seconds", oldest_s)


def expire() -> None:
    """Delete old inbox rows, answers and operations, in portions that hold no lock for long."""
    deadline = time.monotonic() + _BUDGET_S
    for delete in (store.expire_inbox, store.expire_answers, store.expire_operations):
        while time.monotonic() < deadline:
            with system_transaction(ACTOR) as tx:
                deleted = delete(tx, limit=_EXPIRE)
            if deleted < _EXPIRE:
                break


def _parcels(events: Sequence[Unpublished]) -> list[Parcel]:
    """Events packed for the bus. One of a type this code does not know, because a newer function
    wrote it while a deploy goes on, stays for the sweep that does.
    """
    known = all_events()
    unknown = {event.type for event in events if event.type not in known}
    if unknown:
        logger.warning("events of unknown types stay", metadata={"types": sorted(unknown)})
    return [
        Parcel(e.workspace_id, e.event_id, known[e.type].source, e.type, e.detail)
        for e in events
        if e.type in known
    ]
