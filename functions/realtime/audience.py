"""Who is told of which event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from events.envelope import Event
from functions.realtime import queries, sessions
from functions.realtime.models import Connection
from functions.realtime.topics import object_of, topics_of
from shared.access import EVERYTHING, Access
from shared.db import transaction
from shared.telling import mailbox_of, mailbox_readers, may_read


@dataclass(frozen=True, slots=True)
class Audience:
    """The events for each connection, and connections whose sign-in is over."""

    told: dict[Connection, list[Event]] = field(default_factory=dict[Connection, list[Event]])
    ended: list[Connection] = field(default_factory=list[Connection])


def audience_of(
    workspace_id: UUID, connections: Iterable[Connection], events: Sequence[Event]
) -> Audience:
    """Who is told of some events of one workspace.

    A connection follows the event's topic, or its record's; its sign-in and role, as they were at
    most 30 s ago, permit it; and its member may read the mailbox the event tells of, if it does.
    Those who read less than everything are told of records that they can read now.
    """
    topics = [(event, topics_of(event)) for event in events]
    wanted = {
        one: found
        for one in connections
        if (found := [e for e, names in topics if not one.topics.isdisjoint(names)])
    }
    if not wanted:
        return Audience()
    access = sessions.access_of_sessions(workspace_id, {one.session_id for one in wanted})
    readers = _readers(workspace_id, events)
    answer = Audience()
    for connection, found in wanted.items():
        permitted = access[connection.session_id]
        if permitted is None:
            answer.ended.append(connection)
            continue
        told = [event for event in found if may_read(connection.user_id, event, readers)]
        told = _permitted(workspace_id, connection, permitted, told)
        if told:
            answer.told[connection] = told
    return answer


def _readers(workspace_id: UUID, events: Sequence[Event]) -> Mapping[UUID, UUID | None]:
    mailboxes = {one for event in events if (one := mailbox_of(event))}
    if not mailboxes:
        return {}
    with transaction(workspace_id, access=EVERYTHING) as tx:
        return mailbox_readers(tx, mailboxes)


def _permitted(
    workspace_id: UUID, connection: Connection, access: Access, events: Sequence[Event]
) -> list[Event]:
    """Those of the events that the access permits to be told."""
    narrow: dict[str, list[Event]] = {}
    told: list[Event] = []
    for event in events:
        reach = access.reach.get(event.permission)
        if reach == "all":
            told.append(event)
        elif reach and topics_of(event)[1] in connection.topics:
            narrow.setdefault(object_of(type(event)), []).append(event)
    if narrow:
        with transaction(workspace_id, user_id=connection.user_id, access=access) as tx:
            for thing, found in narrow.items():
                seen = queries.readable(tx, thing, {event.aggregate_id for event in found})
                told += [event for event in found if event.aggregate_id in seen]
    return told
