"""The events automations act on, and their fields as conditions and placeholders name them.

The fields are those of the event class, so a field added to an event can be used at once, and a few
derived from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from types import NoneType
from typing import Any, Literal, get_args, get_origin
from uuid import UUID

from events.activities import TaskChanged, TaskCreated
from events.ai import EmailAnalyzed
from events.contacts import ContactChanged, ContactCreated
from events.email import EmailReceived
from events.envelope import Event
from shared.access import Access
from shared.filters import (
    BOOLEAN,
    ID,
    INSTANT,
    NUMBER,
    TEXT,
    TEXTS,
    Catalogue,
    FieldType,
    choice,
)

EVENTS: tuple[type[Event], ...] = (
    EmailReceived,
    EmailAnalyzed,
    ContactCreated,
    ContactChanged,
    TaskCreated,
    TaskChanged,
)

_BY_NAME = {event.type_name(): event for event in EVENTS}
_HIDDEN = frozenset(Event.model_fields) | {"backfill"}
"""The envelope says nothing about what happened, and automations never see a back-fill."""
_DOMAINS = {"sender": "sender_domain", "email": "email_domain"}
_TYPES: Mapping[Any, FieldType] = {
    str: TEXT,
    bool: BOOLEAN,
    int: NUMBER,
    float: NUMBER,
    datetime: INSTANT,
    UUID: ID,
    tuple[str, ...]: TEXTS,
}


def permission_to_read(event_type: str) -> str:
    """The permission that it takes to read events of a type.

    Raises:
        KeyError: automations do not act on it.
    """
    return _BY_NAME[event_type].permission


def hidden_of(access: Access, event_type: str) -> frozenset[str]:
    """The names of an event type's fields that are hidden from somebody with this access."""
    return access.hidden_of(_BY_NAME[event_type].thing)


@cache
def catalogue_of(event_type: str, hidden: frozenset[str] = frozenset()) -> Catalogue:
    """The fields of an event type, without those that are hidden.

    Raises:
        KeyError: automations do not act on it.
    """
    fields = {
        name: _type_of(field.annotation)
        for name, field in _BY_NAME[event_type].model_fields.items()
        if name not in _HIDDEN | hidden
    }
    return fields | {domain: TEXT for address, domain in _DOMAINS.items() if address in fields}


def record_of(event: Event, hidden: frozenset[str] = frozenset()) -> dict[str, object]:
    """The values of the fields of `catalogue_of(event.type_name(), hidden)`."""
    record: dict[str, object] = {
        name: getattr(event, name)
        for name in type(event).model_fields
        if name not in _HIDDEN | hidden
    }
    for address, domain in _DOMAINS.items():
        if address in record:
            record[domain] = _domain(record[address])
    return record


def _domain(address: object) -> str | None:
    _, at, domain = str(address or "").rpartition("@")
    return domain.lower() if at and domain else None


def _type_of(annotation: Any) -> FieldType:
    some = [kind for kind in get_args(annotation) if kind is not NoneType]
    if get_origin(annotation) is Literal:
        return choice(*some)
    if NoneType in get_args(annotation) and len(some) == 1:
        return _type_of(some[0])
    return _TYPES[annotation]
