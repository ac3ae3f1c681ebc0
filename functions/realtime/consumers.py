"""The queue `realtime`: every event there is, told to the connections that follow it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from events.auth import SessionRevoked
from events.catalogue import all_events
from events.envelope import Event
from events.workspaces import WorkspaceDeletionRequested
from functions.realtime import posting, registry, sessions
from functions.realtime.audience import audience_of
from functions.realtime.messages import told
from functions.realtime.models import Connection
from shared.db import transaction
from shared.runtime import Consumer

consumer = Consumer("realtime")


def fan_out(events: Sequence[Event]) -> None:
    """Tell of events of one workspace, in the order of their positions.

    It may be done twice: receivers ignore what is older than what they know. What reaches somebody
    and not another is done again for both.

    Raises:
        RegistryDown: nobody knows who is connected.
        NotPosted: some connection that is there was not reached.
    """
    workspace_id = events[0].workspace_id
    _, connections = registry.read(workspace_id)
    if not connections:
        return
    over = {one for event in events if (one := _ended_session(event))}
    for session_id in over:
        sessions.forget(workspace_id, session_id)
    _end(workspace_id, [one for one in connections if one.session_id in over])
    left = [one for one in connections if one.session_id not in over]
    ordered = sorted(events, key=lambda event: event.position or 0)
    audience = audience_of(workspace_id, left, ordered)
    _end(workspace_id, audience.ended)
    bodies = {event.id: posting.encoded(told(event)) for event in ordered}
    gone = posting.post(
        {one.id: [bodies[event.id] for event in found] for one, found in audience.told.items()}
    )
    for connection_id in gone:
        registry.remove(workspace_id, connection_id)
    if any(isinstance(one, WorkspaceDeletionRequested) for one in events) and _closing(
        workspace_id
    ):
        _end(workspace_id, left)


def _ended_session(event: Event) -> UUID | None:
    """The sign-in that an event says is over."""
    return event.aggregate_id if isinstance(event, SessionRevoked) else None


def _closing(workspace_id: UUID) -> bool:
    """Whether a workspace is still to be deleted: it may be restored by now."""
    with transaction(workspace_id) as tx:
        return tx.closing


def _end(workspace_id: UUID, connections: Iterable[Connection]) -> None:
    for one in connections:
        posting.close(one.id)
        registry.remove(workspace_id, one.id)


for kind in all_events().values():
    consumer.on_vendor(kind)(fan_out)

handler = consumer.handler
