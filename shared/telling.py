"""Who may be told of an event, and how much of it.

Whatever tells people of events asks here: the feed, sockets, webhooks. `told_types` are the types
that somebody may be told of altogether; where their reading reaches less far than everything, they
may still be told of records that they see. `mailbox_of` and `may_read` are for what not every
member may read, whatever their role; `shown_payload` leaves out what is hidden from them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from events.catalogue import all_events
from events.envelope import Event
from shared.access import Access
from shared.db import Tx

_TELL_LITTLE = ("EmailReceived", "EmailChanged")


class _Readers(NamedTuple):
    """Who may read a mailbox's mails: one member, or every one."""

    mailbox_id: UUID
    user_id: UUID | None


def told_types(access: Access) -> frozenset[str] | None:
    """The types of events that somebody with this access may be told of, whatever they are about;
    None for all, those that this code does not know included.
    """
    known = _known()
    told = frozenset(n for n, kind in known.items() if access.reach.get(kind.permission) == "all")
    return None if len(told) == len(known) else told


_known = cache(all_events)


def shown_payload(access: Access, type_name: str, payload: dict[str, Any]) -> dict[str, Any]:
    """An event as somebody with this access may be told: fields that are hidden from them are
    null. `payload` is as JSON has it.
    """
    kind = _known().get(type_name) if access.hidden else None
    if kind is None:
        return payload
    return payload | dict.fromkeys(access.hidden_of(kind.thing) & payload.keys())


def mailbox_of(event: Event) -> UUID | None:
    """The mailbox whose mails an event tells of, if not every member may read what it tells; the
    feed's policy `sharing` in the database says the same.
    """
    if event.type_name() in _TELL_LITTLE:
        return None
    return getattr(event, "mailbox_id", None)


def mailbox_readers(tx: Tx, mailbox_ids: Collection[UUID]) -> dict[UUID, UUID | None]:
    """The one member who may read a mailbox's mails, by mailbox; None where every member may."""
    found = tx.all(
        _Readers,
        """
        select id as mailbox_id, case when sharing <> 'everything' then user_id end as user_id
        from mailboxes
        where workspace_id = %(workspace_id)s and id = any(%(ids)s)
        """,
        ids=list(mailbox_ids),
    )
    return {one.mailbox_id: one.user_id for one in found}


def may_read(user_id: UUID, event: Event, readers: Mapping[UUID, UUID | None]) -> bool:
    """Whether a member may be told of an event, where `readers` has the mailboxes of events."""
    mailbox_id = mailbox_of(event)
    return mailbox_id is None or (mailbox_id in readers and readers[mailbox_id] in (None, user_id))
