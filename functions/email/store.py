"""Writing mailboxes, the ledger and mails."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from functions.email.models import (
    AddressTaken,
    ChangedEmail,
    FetchEmail,
    Mailbox,
    MailboxChange,
    NewMailbox,
)
from shared.db import Tx
from shared.ids import uuid7


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


def disconnect(tx: Tx, mailbox_id: UUID, reason: str) -> int | None:
    """Mark a mailbox disconnected; its new version, or None if it was so already."""
    return tx.one(
        int,
        """
        update mailboxes set state = 'disconnected', state_reason = %(reason)s,
            version = version + 1, updated_at = now()
        where workspace_id = %(workspace_id)s and id = %(id)s and state = 'active'
        returning version
        """,
        id=mailbox_id,
        reason=reason,
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
    tx.run(
        """
        update mailboxes set throttled_until = %(until)s
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
        update mailboxes set history_cursor = %(history_id)s::numeric, synced_at = now()
        where workspace_id = %(workspace_id)s and id = %(id)s
        """,
        id=mailbox_id,
        history_id=history_id,
    )


def stage(tx: Tx, mailbox_id: UUID, provider_ids: Sequence[str], *, listed: bool) -> int:
    """Open a ledger row for each id that has none; how many were new.

    `listed` ids come from a full listing, not from a notification.
    """
    return tx.run(
        """
        insert into mail_ledger (workspace_id, mailbox_id, provider_id, listed)
        select %(workspace_id)s, %(mailbox_id)s, id, %(listed)s
        from unnest(%(ids)s::text[]) as id
        on conflict do nothing
        """,
        mailbox_id=mailbox_id,
        ids=list(provider_ids),
        listed=listed,
    )


def reopen_skipped(tx: Tx, mailbox_id: UUID, provider_ids: Sequence[str]) -> None:
    """Open again what was left out for a label it had: a mail moved out of spam, say."""
    tx.run(
        """
        update mail_ledger set state = 'pending', reason = null, due_at = now(), settled_at = null
        where workspace_id = %(workspace_id)s and mailbox_id = %(mailbox_id)s
            and provider_id = any(%(ids)s) and state = 'skipped'
            and reason in ('draft', 'spam', 'trash')
        """,
        mailbox_id=mailbox_id,
        ids=list(provider_ids),
    )


def take_due(
    tx: Tx, mailbox_id: UUID, *, most: int, listed: bool, again_s: int, most_releases: int
) -> list[FetchEmail]:
    """Mark the mails due now as queued and give the messages that fetch them.

    A mail released `again_s` ago that has reached no final state is due again. One released
    `most_releases` times without an end takes its function down with it: it fails.
    """
    tx.run(
        """
        update mail_ledger set state = 'failed', reason = 'poison', settled_at = now()
        where workspace_id = %(workspace_id)s and mailbox_id = %(mailbox_id)s
            and state in ('pending', 'queued', 'retrying') and releases >= %(most_releases)s
            and due_at <= now()
        """,
        mailbox_id=mailbox_id,
        most_releases=most_releases,
    )
    return tx.all(
        FetchEmail,
        """
        update mail_ledger l
        set state = 'queued', releases = releases + 1,
            due_at = now() + make_interval(secs => %(again_s)s)
        from (
            select provider_id from mail_ledger
            where workspace_id = %(workspace_id)s and mailbox_id = %(mailbox_id)s
                and state in ('pending', 'queued', 'retrying')
                and listed = %(listed)s and due_at <= now()
            order by due_at limit %(most)s
            for update skip locked
        ) due
        where l.workspace_id = %(workspace_id)s and l.mailbox_id = %(mailbox_id)s
            and l.provider_id = due.provider_id
        returning l.workspace_id, l.mailbox_id, l.provider_id, l.listed
        """,
        mailbox_id=mailbox_id,
        most=most,
        listed=listed,
        again_s=again_s,
        most_releases=most_releases,
    )


def spend_units(tx: Tx, mailbox_id: UUID, live: int, backfill: int) -> None:
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


def settle(tx: Tx, mailbox_id: UUID, provider_id: str, state: str, reason: str) -> int:
    """Close a ledger row that is not closed yet: skipped, gone or failed. 1 if it was open."""
    return tx.run(
        """
        update mail_ledger set state = %(state)s, reason = %(reason)s, settled_at = now()
        where workspace_id = %(workspace_id)s and mailbox_id = %(mailbox_id)s
            and provider_id = %(provider_id)s and state in ('pending', 'queued', 'retrying')
        """,
        mailbox_id=mailbox_id,
        provider_id=provider_id,
        state=state,
        reason=reason,
    )


def wait_until(tx: Tx, mailbox_id: UUID, provider_id: str, reason: str, due_at: datetime) -> None:
    """Put a mail off until `due_at` through no fault of its own."""
    tx.run(
        """
        update mail_ledger
        set state = 'retrying', reason = %(reason)s, due_at = %(due_at)s, releases = 0
        where workspace_id = %(workspace_id)s and mailbox_id = %(mailbox_id)s
            and provider_id = %(provider_id)s and state in ('pending', 'queued', 'retrying')
        """,
        mailbox_id=mailbox_id,
        provider_id=provider_id,
        reason=reason,
        due_at=due_at,
    )


def count_attempt(
    tx: Tx, mailbox_id: UUID, provider_id: str, reason: str, *, longest_wait_s: int
) -> int | None:
    """Put a mail off after a failed attempt, twice as long each time; how many there were.

    None where the mail has reached a final state meanwhile.
    """
    return tx.one(
        int,
        """
        update mail_ledger
        set state = 'retrying', reason = %(reason)s, attempts = attempts + 1, releases = 0,
            due_at = now() + make_interval(secs => least(5 * 2 ^ attempts, %(longest_wait_s)s))
        where workspace_id = %(workspace_id)s and mailbox_id = %(mailbox_id)s
            and provider_id = %(provider_id)s and state in ('pending', 'queued', 'retrying')
        returning attempts
        """,
        mailbox_id=mailbox_id,
        provider_id=provider_id,
        reason=reason,
        longest_wait_s=longest_wait_s,
    )


def insert_email(tx: Tx, email: dict[str, Any]) -> UUID | None:
    """Store a mail with all its parts and close its ledger row, in one statement.

    The thread's id, or None where the ledger row is closed or missing: somebody else was first.
    `email` holds the columns of `emails`, `email_subjects` and `email_bodies`, the provider's
    thread id, and the participants as parallel lists.
    """
    columns = {**email, "attachments": Jsonb(email["attachments"])}
    return tx.one(
        UUID,
        """
        with claimed as (
            update mail_ledger
            set state = 'stored', reason = null, email_id = %(id)s, raw_key = %(raw_key)s,
                raw_size = %(size)s, received_at = %(received_at)s, settled_at = now()
            where workspace_id = %(workspace_id)s and mailbox_id = %(mailbox_id)s
                and provider_id = %(provider_id)s and state in ('pending', 'queued', 'retrying')
            returning 1
        ), thread as (
            insert into threads (workspace_id, id, mailbox_id, provider_id, last_at)
            select %(workspace_id)s, %(new_thread_id)s, %(mailbox_id)s, %(provider_thread_id)s,
                %(received_at)s
            from claimed
            on conflict (workspace_id, mailbox_id, provider_id) do update
            set emails = threads.emails + 1, last_at = greatest(threads.last_at, excluded.last_at)
            returning id
        ), mail as (
            insert into emails (workspace_id, id, mailbox_id, thread_id, provider_id, message_id,
                direction, kind, sender_name, sender_email, sent_at, received_at, labels,
                attachments, defects, size, raw_key, backfill)
            select %(workspace_id)s, %(id)s, %(mailbox_id)s, thread.id, %(provider_id)s,
                %(message_id)s, %(direction)s, %(kind)s, %(sender_name)s, %(sender_email)s,
                %(sent_at)s, %(received_at)s, %(labels)s, %(attachments)s, %(defects)s, %(size)s,
                %(raw_key)s, %(backfill)s
            from thread
            returning id, thread_id
        ), subject as (
            insert into email_subjects (workspace_id, id, mailbox_id, subject, snippet)
            select %(workspace_id)s, id, %(mailbox_id)s, %(subject)s, %(snippet)s from mail
        ), body as (
            insert into email_bodies (workspace_id, id, mailbox_id, text, html, reply, signature)
            select %(workspace_id)s, id, %(mailbox_id)s, %(text)s, %(html)s, %(reply)s,
                %(signature)s
            from mail
        ), people as (
            insert into email_participants (workspace_id, email_id, place, role, name, email)
            select %(workspace_id)s, mail.id, p.place, p.role, p.name, p.email
            from mail, unnest(%(roles)s::text[], %(names)s::text[], %(emails)s::text[])
                with ordinality as p (role, name, email, place)
        )
        select thread_id from mail
        """,
        **columns,
        new_thread_id=uuid7(),
    )


def relabel(
    tx: Tx, mailbox_id: UUID, provider_id: str, added: list[str], removed: list[str]
) -> ChangedEmail | None:
    """Change a stored mail's labels; or None if nothing changed."""
    return tx.one(
        ChangedEmail,
        """
        update emails e set labels = new.labels, version = version + 1
        from (
            select l.email_id, array(
                select label from (
                    select unnest(o.labels || %(added)s::text[]) as label
                ) merged
                where not label = any(%(removed)s::text[])
                group by label order by label
            ) as labels
            from mail_ledger l
            join emails o on o.workspace_id = l.workspace_id and o.id = l.email_id
            where l.workspace_id = %(workspace_id)s and l.mailbox_id = %(mailbox_id)s
                and l.provider_id = %(provider_id)s and l.email_id is not null
        ) new
        where e.workspace_id = %(workspace_id)s and e.id = new.email_id
            and e.labels is distinct from new.labels
        returning e.id, e.labels, e.version, e.gone_at is not null as gone
        """,
        mailbox_id=mailbox_id,
        provider_id=provider_id,
        added=added,
        removed=removed,
    )


def mark_gone(tx: Tx, mailbox_id: UUID, provider_ids: Sequence[str]) -> list[ChangedEmail]:
    """The provider deleted these: what is stored stays and says so, what was open is closed."""
    tx.run(
        """
        update mail_ledger set state = 'gone', reason = 'deleted', settled_at = now()
        where workspace_id = %(workspace_id)s and mailbox_id = %(mailbox_id)s
            and provider_id = any(%(ids)s) and state in ('pending', 'queued', 'retrying')
        """,
        mailbox_id=mailbox_id,
        ids=list(provider_ids),
    )
    return tx.all(
        ChangedEmail,
        """
        update emails e set gone_at = now(), version = version + 1
        from mail_ledger l
        where l.workspace_id = %(workspace_id)s and l.mailbox_id = %(mailbox_id)s
            and l.provider_id = any(%(ids)s) and e.workspace_id = l.workspace_id
            and e.id = l.email_id and e.gone_at is null
        returning e.id, e.labels, e.version, true as gone
        """,
        mailbox_id=mailbox_id,
        ids=list(provider_ids),
    )
