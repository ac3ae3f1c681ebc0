"""The queue `webhooks`: every event there is, and the endpoints that it is to be sent to."""

from __future__ import annotations

from collections.abc import Sequence

from events.catalogue import all_events
from events.envelope import Event
from functions.webhooks import commands
from functions.webhooks.waking import wake
from shared.db import transaction
from shared.runtime import Consumer

consumer = Consumer(commands.CONSUMER)


def record(events: Sequence[Event]) -> None:
    """Record deliveries of events of one workspace, then send for whoever sends them.

    What comes again leaves no second delivery: the inbox and the deliveries are one transaction.
    """
    workspace_id = events[0].workspace_id
    with transaction(workspace_id, actor="system:webhooks") as tx:
        commands.disable_unconfirmed(tx, events)
        endpoints = commands.record_events(tx, events)
    if endpoints:
        wake(workspace_id, endpoints)


for kind in all_events().values():
    consumer.on_vendor(kind)(record)

handler = consumer.handler
