"""What is said to clients. Events are known by their types' names, all else is in lower case."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from events.catalogue import all_events
from events.envelope import Event
from functions.realtime.models import Answer, Connection, Resumed
from shared.errors import HasteError
from shared.feed import feed_cursor


def told(event: Event) -> Answer:
    """An event: what it is about, and which version of it. The client reads the rest anew."""
    return {
        "type": event.type_name(),
        "topic": event.topic,
        "id": str(event.aggregate_id),
        "version": event.aggregate_version,
        "position": event.position,
        "at": event.at.isoformat(),
        "actor": event.actor,
    }


def subscribed(topics: Iterable[str], cursor: str) -> Answer:
    """All topics that are followed now, and the cursor from which on events are told."""
    return {"type": "subscribed", "topics": sorted(topics), "next_cursor": cursor}


def unsubscribed(topics: Iterable[str]) -> Answer:
    """All topics that are still followed."""
    return {"type": "unsubscribed", "topics": sorted(topics)}


def pong(topics: Iterable[str]) -> Answer:
    """The topics that are followed. Where they are fewer than the client thinks, it has missed
    events, and subscribes again with its cursor.
    """
    return {"type": "pong", "topics": sorted(topics)}


def resumed(workspace_id: UUID, found: Resumed) -> Answer:
    """What was missed; or `reset`: too much, read everything anew and go on from the cursor."""
    cursor = feed_cursor(workspace_id, found.head)
    if found.events is None:
        return {"type": "reset", "next_cursor": cursor}
    known = all_events()
    missed = [
        {
            "type": one.type,
            "topic": known[one.type].topic,
            "id": str(one.id),
            "version": one.version,
            "position": one.position,
        }
        for one in found.events
    ]
    return {"type": "resume", "next_cursor": cursor, "missed": missed}


def presence(record: str, viewers: Sequence[Connection]) -> Answer:
    """Who looks at a record, each until a time (Unix seconds) or word of less."""
    until: dict[UUID, int] = {}
    for one in viewers:
        until[one.user_id] = max(one.viewing_until, until.get(one.user_id, 0))
    people = [{"user_id": str(who), "until": at} for who, at in sorted(until.items())]
    return {"type": "presence", "topic": record, "viewers": people}


def error(problem: HasteError) -> Answer:
    """Why a message was not heeded, as a problem of the REST API says it."""
    errors = [
        {"pointer": one.pointer, "detail": one.detail, "code": one.code} for one in problem.errors
    ]
    return {"type": "error", "code": problem.code, "detail": problem.detail, "errors": errors}
