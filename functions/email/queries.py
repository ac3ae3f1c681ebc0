"""Reading mailboxes, the ledger and mails."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from functions.email.models import (
    Email,
    EmailNotFound,
    EmailSummary,
    LedgerCount,
    Mailbox,
    MailboxAccess,
    MailboxNotFound,
    Quota,
    Thread,
)
from shared.cursors import Key
from shared.db import Tx


def get_mailbox(tx: Tx, mailbox_id: UUID) -> Mailbox:
    """The mailbox with this id.

    Raises:
        MailboxNotFound: this workspace has none.
    """
    mailbox = tx.one(
        Mailbox,
        """
        select id, user_id, provider, address, sharing, state, state_reason, synced_at,
            watch_expires_at, throttled_until, units_per_minute, version, created_at
        from mailboxes
        where workspace_id = %(workspace_id)s and id = %(id)s and deleted_at is null
        """,
        id=mailbox_id,
    )
    if mailbox is None:
        raise MailboxNotFound
    return mailbox


def list_mailboxes(tx: Tx, *, limit: int, after: Key | None = None) -> list[Mailbox]:
    """Mailboxes newest first, from after `after`."""
    at, last_id = after or (None, None)
    return tx.all(
        Mailbox,
        """
        select id, user_id, provider, address, sharing, state, state_reason, synced_at,
            watch_expires_at, throttled_until, units_per_minute, version, created_at
        from mailboxes
        where workspace_id = %(workspace_id)s and deleted_at is null
            and (created_at, id) < (
                coalesce(%(at)s::timestamptz, 'infinity'),
                coalesce(%(last_id)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
            )
        order by created_at desc, id desc
        limit %(limit)s
        """,
        at=at,
        last_id=last_id,
        limit=limit,
    )


def get_access(tx: Tx, mailbox_id: UUID) -> MailboxAccess | None:
    """What a background function needs to work on a mailbox; None if there is none."""
    return tx.one(
        MailboxAccess,
        """
        select id, address, state, credentials, history_cursor::text as history_cursor,
            throttled_until, created_at
        from mailboxes
        where workspace_id = %(workspace_id)s and id = %(id)s and deleted_at is null
        """,
        id=mailbox_id,
    )


def quota(tx: Tx, mailbox_id: UUID) -> Quota | None:
    """Units the mailbox may spend now, in all and on backfill; locks the mailbox, as far as a mail
    stored into it meanwhile does not have to wait.

    Both buckets hold one minute's worth; the smaller one refills half as fast.
    """
    return tx.one(
        Quota,
        """
        select
            least(units_per_minute, units + units_per_minute * waited.minutes) as live,
            least(units_per_minute / 2, backfill_units + units_per_minute / 2 * waited.minutes)
                as backfill
        from mailboxes,
            lateral (select extract(epoch from now() - units_at)::float8 / 60 as minutes) waited
        where workspace_id = %(workspace_id)s and id = %(id)s and state = 'active'
            and (throttled_until is null or throttled_until <= now())
        for no key update of mailboxes
        """,
        id=mailbox_id,
    )


def ledger_states(tx: Tx, mailbox_id: UUID) -> list[LedgerCount]:
    """How many mails are in each state, for each reason."""
    return tx.all(
        LedgerCount,
        """
        select state, reason, count(*)::int as emails from mail_ledger
        where workspace_id = %(workspace_id)s and mailbox_id = %(mailbox_id)s
        group by state, reason order by state, reason
        """,
        mailbox_id=mailbox_id,
    )


def not_in_ledger(tx: Tx, mailbox_id: UUID, provider_ids: Sequence[str]) -> list[str]:
    """Those of the provider's ids that the ledger lacks."""
    return tx.all(
        str,
        """
        select listed.id from unnest(%(ids)s::text[]) as listed (id)
        where not exists (
            select from mail_ledger l
            where l.workspace_id = %(workspace_id)s and l.mailbox_id = %(mailbox_id)s
                and l.provider_id = listed.id
        )
        """,
        mailbox_id=mailbox_id,
        ids=list(provider_ids),
    )


def stored_but_not_in(tx: Tx, mailbox_id: UUID, provider_ids: Sequence[str]) -> list[str]:
    """Ids of stored mails that a complete listing lacks: the provider deleted them."""
    return tx.all(
        str,
        """
        select l.provider_id from mail_ledger l
        join emails e on e.workspace_id = l.workspace_id and e.id = l.email_id
        where l.workspace_id = %(workspace_id)s and l.mailbox_id = %(mailbox_id)s
            and l.state = 'stored' and e.gone_at is null
            and not l.provider_id = any(%(ids)s)
        """,
        mailbox_id=mailbox_id,
        ids=list(provider_ids),
    )


def list_emails(
    tx: Tx,
    *,
    limit: int,
    after: Key | None = None,
    mailbox_id: UUID | None = None,
    thread_id: UUID | None = None,
) -> list[EmailSummary]:
    """Mails newest first, from after `after`, of one mailbox or thread where one is named.

    The laterals' limits make Postgres look up what belongs to each mail of the page. Of plain joins
    it made hash joins, where its statistics were a little off: all subjects of the workspace read.
    """
    at, last_id = after or (None, None)
    return tx.all(
        EmailSummary,
        """
        select e.id, e.mailbox_id, e.thread_id, e.direction, e.kind, e.sender_name, e.sender_email,
            e.received_at, e.labels, e.size, jsonb_array_length(e.attachments) > 0
            as has_attachments, s.subject, s.snippet, a.sentiment, a.intent, a.reply_needed
        from emails e
        left join lateral (
            select subject, snippet from email_subjects
            where workspace_id = %(workspace_id)s and id = e.id limit 1
        ) s on true
        left join lateral (
            select sentiment, intent, reply_needed from email_analyses
            where workspace_id = %(workspace_id)s and email_id = e.id limit 1
        ) a on true
        where e.workspace_id = %(workspace_id)s
            and (%(mailbox_id)s::uuid is null or e.mailbox_id = %(mailbox_id)s)
            and (%(thread_id)s::uuid is null or e.thread_id = %(thread_id)s)
            and (e.received_at, e.id) < (
                coalesce(%(at)s::timestamptz, 'infinity'),
                coalesce(%(last_id)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
            )
        order by e.received_at desc, e.id desc
        limit %(limit)s
        """,
        at=at,
        last_id=last_id,
        limit=limit,
        mailbox_id=mailbox_id,
        thread_id=thread_id,
    )


def get_email(tx: Tx, email_id: UUID) -> Email:
    """One mail, as much of it as the caller may see.

    Raises:
        EmailNotFound: this workspace has none with this id.
    """
    email = tx.one(
        Email,
        """
        select e.id, e.mailbox_id, e.thread_id, e.message_id, e.direction, e.kind, e.sender_name,
            e.sender_email, e.sent_at, e.received_at, e.labels, e.defects, e.size,
            case when b.id is null then '[]' else e.attachments end as attachments,
            jsonb_array_length(e.attachments) > 0 as has_attachments, e.backfill, e.gone_at,
            e.version, s.subject, s.snippet, b.text, b.html, b.reply, b.signature,
            a.sentiment, a.intent, a.reply_needed,
            coalesce((
                select jsonb_agg(jsonb_build_object('role', p.role, 'name', p.name,
                    'email', p.email) order by p.place)
                from email_participants p
                where p.workspace_id = e.workspace_id and p.email_id = e.id
            ), '[]') as participants,
            coalesce((
                select jsonb_agg(jsonb_build_object('kind', n.kind, 'value', n.value, 'quote',
                    n.quote, 'source', n.source, 'confidence', n.confidence) order by n.place)
                from email_entities n
                where n.workspace_id = e.workspace_id and n.email_id = e.id
            ), '[]') as entities
        from emails e
        left join email_subjects s on s.workspace_id = e.workspace_id and s.id = e.id
        left join email_bodies b on b.workspace_id = e.workspace_id and b.id = e.id
        left join email_analyses a on a.workspace_id = e.workspace_id and a.email_id = e.id
        where e.workspace_id = %(workspace_id)s and e.id = %(id)s
        """,
        id=email_id,
    )
    if email is None:
        raise EmailNotFound
    return email


def get_raw_key(tx: Tx, email_id: UUID) -> str:
    """Where the mail's bytes are in the bucket.

    Raises:
        EmailNotFound: there is no such mail, or the caller may not see its body.
    """
    key = tx.one(
        str,
        """
        select e.raw_key from emails e
        join email_bodies b on b.workspace_id = e.workspace_id and b.id = e.id
        where e.workspace_id = %(workspace_id)s and e.id = %(id)s
        """,
        id=email_id,
    )
    if key is None:
        raise EmailNotFound
    return key


def list_threads(
    tx: Tx, *, limit: int, after: Key | None = None, mailbox_id: UUID | None = None
) -> list[Thread]:
    """Conversations, the one with the newest mail first, from after `after`."""
    at, last_id = after or (None, None)
    return tx.all(
        Thread,
        """
        select id, mailbox_id, emails, last_at from threads
        where workspace_id = %(workspace_id)s
            and (%(mailbox_id)s::uuid is null or mailbox_id = %(mailbox_id)s)
            and (last_at, id) < (
                coalesce(%(at)s::timestamptz, 'infinity'),
                coalesce(%(last_id)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
            )
        order by last_at desc, id desc
        limit %(limit)s
        """,
        at=at,
        last_id=last_id,
        limit=limit,
        mailbox_id=mailbox_id,
    )
