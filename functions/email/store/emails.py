"""Writing mails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from functions.email.models import ChangedEmail
from shared.db import Tx
from shared.ids import uuid7


def insert_email(tx: Tx, email: dict[str, Any]) -> UUID | None:
    """Store a mail with all its parts and close its ledger row, in one statement.

    The thread's id, or None where the ledger row is missing, closed (somebody else was first), or
    of a newer generation (what was fetched is out of date).
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
                and provider_id = %(provider_id)s and generation = %(generation)s
                and state in ('pending', 'queued', 'retrying')
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


def unmark_gone(tx: Tx, mailbox_id: UUID, provider_ids: Sequence[str]) -> list[ChangedEmail]:
    """The provider has these after all: what is stored is no longer marked gone."""
    return tx.all(
        ChangedEmail,
        """
        update emails e set gone_at = null, version = version + 1
        from mail_ledger l
        where l.workspace_id = %(workspace_id)s and l.mailbox_id = %(mailbox_id)s
            and l.provider_id = any(%(ids)s) and e.workspace_id = l.workspace_id
            and e.id = l.email_id and e.gone_at is not null
        returning e.id, e.labels, e.version, false as gone
        """,
        mailbox_id=mailbox_id,
        ids=list(provider_ids),
    )
