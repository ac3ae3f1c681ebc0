"""Who may be told of an event whose content not every member may read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple
from uuid import UUID

from events.envelope import Event
from shared.db import Tx

_TELL_LITTLE = ("EmailReceived", "EmailChanged")


class _Readers(NamedTuple):
    """Who may read a mailbox's mails: one member, or every one."""

    mailbox_id: UUID
    user_id: UUID | None


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
