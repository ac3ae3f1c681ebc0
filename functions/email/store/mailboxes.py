"""Writing mailboxes."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from functions.email.models import AddressTaken, Mailbox, MailboxChange, NewMailbox
from shared.db import Tx


def insert_mailbox(tx: Tx, new: NewMailbox, mailbox_id: UUID, credentials: bytes) -> Mailbox:
    """Store a new mailbox of the caller's.

    Raises:
        AddressTaken: the workspace has it already; `existing_id` names it.
    """
    mailbox = tx.one(
        Mailbox,
        """
        insert into mailboxes (workspace_id, id, user_id, provider, address, sharing, credentials)
        values (%(workspace_id)s, %(id)s, %(user_id)s, 'gmail', %(address)s, %(sharing)s,
            %(credentials)s)
        on conflict (workspace_id, address) where deleted_at is null do nothing
        returning id, user_id, provider, address, sharing, state, state_reason, synced_at,
            watch_expires_at, throttled_until, units_per_minute, version, created_at
        """,
        id=mailbox_id,
        user_id=tx.user_id,
        address=new.address,
        sharing=new.sharing,
        credentials=credentials,
    )
    if mailbox is None:
        existing = tx.one(
            str,
            """
            select id::text from mailboxes
            where workspace_id = %(workspace_id)s and address = %(address)s and deleted_at is null
            """,
            address=new.address,
        )
        raise AddressTaken(existing_id=existing)
    return mailbox


def update_mailbox(
    tx: Tx, mailbox_id: UUID, change: MailboxChange, credentials: bytes | None, version: int | None
) -> Mailbox | None:
    """Store changed settings if the mailbox is at `version`; new credentials make it active."""
    return tx.one(
        Mailbox,
        """
        update mailboxes set
            sharing = coalesce(%(sharing)s, sharing),
            units_per_minute = coalesce(%(units_per_minute)s, units_per_minute),
            credentials = coalesce(%(credentials)s, credentials),
            state = case when %(credentials)s::bytea is null then state else 'active' end,
            state_reason = case when %(credentials)s::bytea is null then state_reason end,
            version = version + 1, updated_at = now()
        where workspace_id = %(workspace_id)s and id = %(id)s and deleted_at is null
            and version = coalesce(%(version)s, version)
        returning id, user_id, provider, address, sharing, state, state_reason, synced_at,
            watch_expires_at, throttled_until, units_per_minute, version, created_at
        """,
        id=mailbox_id,
        sharing=change.sharing,
        units_per_minute=change.units_per_minute,
        credentials=credentials,
        version=version,
    )


class Disconnected(NamedTuple):
    """A mailbox that was just disconnected, by its address as it is, and its new version."""

    id: UUID
    address: str
    version: int


def disconnect(tx: Tx, mailbox_id: UUID, credentials: bytes, reason: str) -> Disconnected | None:
    """Mark a mailbox disconnected.

    None if it was so already, or has other credentials by now than those that were refused.
    """
    return tx.one(
        Disconnected,
        """
        update mailboxes set state = 'disconnected', state_reason = %(reason)s,
            version = version + 1, updated_at = now()
        where workspace_id = %(workspace_id)s and id = %(id)s and state = 'active'
            and credentials = %(credentials)s
        returning id, address, version
        """,
        id=mailbox_id,
        credentials=credentials,
        reason=reason,
    )


def close_mailbox(tx: Tx, mailbox_id: UUID, reason: str) -> Disconnected | None:
    """Disconnect a mailbox and forget how it is entered; None if that is so."""
    return tx.one(
        Disconnected,
        """
        update mailboxes set state = 'disconnected', state_reason = %(reason)s,
            credentials = ''::bytea, version = version + 1, updated_at = now()
        where workspace_id = %(workspace_id)s and id = %(id)s and deleted_at is null
            and (state = 'active' or credentials <> ''::bytea)
        returning id, address, version
        """,
        id=mailbox_id,
        reason=reason,
    )


def disconnect_all_of(
    tx: Tx, user_id: UUID, reason: str, *, unless_member: bool
) -> list[Disconnected]:
    """Disconnect all mailboxes that a person connected, and forget how they are entered; where it
    says so, only if they are no member.
    """
    return tx.all(
        Disconnected,
        """
        update mailboxes set state = 'disconnected', state_reason = %(reason)s,
            credentials = ''::bytea, version = version + 1, updated_at = now()
        where workspace_id = %(workspace_id)s and user_id = %(user_id)s
            and deleted_at is null and credentials <> ''::bytea
            and not (%(unless_member)s and exists (
                select from memberships m
                where m.workspace_id = %(workspace_id)s and m.user_id = %(user_id)s
                    and m.ended_at is null
            ))
        returning id, address, version
        """,
        user_id=user_id,
        reason=reason,
        unless_member=unless_member,
    )


def set_watch(tx: Tx, mailbox_id: UUID, expires_at: datetime) -> None:
    tx.run(
        """
        update mailboxes set watch_expires_at = %(expires_at)s
        where workspace_id = %(workspace_id)s and id = %(id)s
        """,
        id=mailbox_id,
        expires_at=expires_at,
    )


def set_throttled(tx: Tx, mailbox_id: UUID, until: datetime) -> None:
    """Nothing is asked of the mailbox before `until`; then it is synchronised."""
    tx.run(
        """
        update mailboxes
        set throttled_until = greatest(throttled_until, %(until)s)
        where workspace_id = %(workspace_id)s and id = %(id)s
        """,
        id=mailbox_id,
        until=until,
    )


def advance_cursor(tx: Tx, mailbox_id: UUID, history_id: str) -> None:
    """Move the cursor forward, never back: notifications arrive in any order."""
    tx.run(
        """
        update mailboxes
        set history_cursor = greatest(history_cursor, %(history_id)s::numeric), synced_at = now()
        where workspace_id = %(workspace_id)s and id = %(id)s
        """,
        id=mailbox_id,
        history_id=history_id,
    )


def restart_cursor(tx: Tx, mailbox_id: UUID, history_id: str) -> None:
    """Set the cursor after a full listing, to where the mailbox was before the listing began."""
    tx.run(
        """
        update mailboxes
        set history_cursor = %(history_id)s::numeric, synced_at = now()
        where workspace_id = %(workspace_id)s and id = %(id)s
        """,
        id=mailbox_id,
        history_id=history_id,
    )


def spend_units(tx: Tx, mailbox_id: UUID, live: float, backfill: float) -> None:
    """Take quota units from the mailbox's buckets, as filled by `queries.quota`."""
    tx.run(
        """
        update mailboxes set units = %(live)s, backfill_units = %(backfill)s, units_at = now()
        where workspace_id = %(workspace_id)s and id = %(id)s
        """,
        id=mailbox_id,
        live=live,
        backfill=backfill,
    )
