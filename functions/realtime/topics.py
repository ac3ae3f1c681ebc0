"""Topics, as the classes of events declare them.

An event is told on its class's `topic`, and on the topic of the record it is about
(`contacts:<id>`), to those who have its class's `permission`. So an event that is new here needs
nothing but its class.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Literal, NamedTuple
from uuid import UUID

from events.catalogue import all_events
from events.envelope import Event
from functions.realtime.models import TopicInfo, TopicNotPermitted, UnknownTopic
from shared.access import Access
from shared.errors import FieldError

Allowed = Literal["all", "records"]


class Topic(NamedTuple):
    """A topic as a whole, or for one record."""

    name: str
    record: UUID | None

    def __str__(self) -> str:
        return f"{self.name}:{self.record}" if self.record else self.name


@cache
def events_by_topic() -> Mapping[str, tuple[type[Event], ...]]:
    """The event classes of every topic."""
    found: dict[str, list[type[Event]]] = {}
    for kind in all_events().values():
        found.setdefault(kind.topic, []).append(kind)
    return {name: tuple(found[name]) for name in sorted(found)}


def described(access: Access) -> list[TopicInfo]:
    """Every topic, and what of it somebody with this access may follow."""
    return [
        TopicInfo(
            topic=name,
            events=sorted(kind.type_name() for kind in kinds),
            permissions=sorted({kind.permission for kind in kinds}),
            allowed=_allowed(access, name),
        )
        for name, kinds in events_by_topic().items()
    ]


def parse_topics(names: Iterable[str], access: Access, *, at: str = "/topics") -> list[Topic]:
    """The topics that a client names, if all of them are and may be followed.

    A record that only some may read is still to be looked at: see `narrowed`.

    Raises:
        UnknownTopic: there is no such topic.
        TopicNotPermitted: its events may not be read, or not all of them where all are wanted.
    """
    found: list[Topic] = []
    unknown: list[FieldError] = []
    refused: list[FieldError] = []
    for place, name in enumerate(names):
        topic = _parse(name)
        allowed = _allowed(access, topic.name) if topic else None
        if topic is None:
            unknown.append(FieldError(f"{at}/{place}", "there is no such topic", "unknown_topic"))
        elif allowed is None or (allowed == "records" and topic.record is None):
            detail = "you may follow records of this" if allowed else "you may not read this"
            refused.append(FieldError(f"{at}/{place}", detail, "permission"))
        else:
            found.append(topic)
    if unknown:
        raise UnknownTopic(errors=tuple(unknown))
    if refused:
        raise TopicNotPermitted(errors=tuple(refused))
    return found


def narrowed(topics: Iterable[Topic], access: Access) -> dict[str, dict[UUID, Topic]]:
    """Those of the topics that may only be followed where the record can be read: by object, and by
    the record.
    """
    found: dict[str, dict[UUID, Topic]] = {}
    for topic in topics:
        for kind in events_by_topic()[topic.name]:
            if topic.record and access.reach.get(kind.permission) in ("own", "team"):
                found.setdefault(object_of(kind), {})[topic.record] = topic
    return found


def object_of(kind: type[Event]) -> str:
    """The object that an event's permission is about: `contacts`."""
    return kind.permission.partition(".")[0]


def topics_of(event: Event) -> tuple[str, str]:
    """Where an event is told: its topic as a whole, and its record's."""
    return event.topic, f"{event.topic}:{event.aggregate_id}"


def _parse(name: str) -> Topic | None:
    topic, colon, record = name.partition(":")
    if topic not in events_by_topic():
        return None
    if not colon:
        return Topic(topic, None)
    try:
        found = UUID(record)
    except ValueError:
        return None
    return Topic(topic, found) if str(found) == record else None


def _allowed(access: Access, topic: str) -> Allowed | None:
    reaches = {access.reach.get(kind.permission) for kind in events_by_topic()[topic]} - {None}
    if "all" in reaches:
        return "all"
    return "records" if reaches else None
