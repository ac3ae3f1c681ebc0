"""Reading mails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString
from uuid import UUID

from functions.email.fields import EMAILS
from functions.email.models import Email, EmailNotFound, EmailSummary, RawErased
from shared.cursors import Key
from shared.db import Tx
from shared.filters import AllOf, Listing, equal

_MAILS: LiteralString = """
    select e.id, e.mailbox_id, e.thread_id, e.direction, e.kind, e.sender_name, e.sender_email,
        e.received_at, e.labels, e.size, jsonb_array_length(e.attachments) > 0 as has_attachments
"""
_OF_EACH: LiteralString = """
    select e.id, e.mailbox_id, e.thread_id, e.direction, e.kind, e.sender_name, e.sender_email,
        e.received_at, e.labels, e.size, e.has_attachments
    from unnest(%(parents)s::"""
_FOUND: LiteralString = """
    from emails e
    left join email_analyses a on a.workspace_id = e.workspace_id and a.email_id = e.id
    where e.workspace_id = %(workspace_id)s and
"""
"""Postgres leaves out the join where a filter says nothing of it."""
_SUMMARIES: LiteralString = """
    select e.id, e.mailbox_id, e.thread_id, e.direction, e.kind, e.sender_name, e.sender_email,
        e.received_at, e.labels, e.size, e.has_attachments, s.subject, s.snippet, a.sentiment,
        a.intent, a.reply_needed
    from (
"""
_BESIDE: LiteralString = """
    ) e
    left join lateral (
        select subject, snippet from email_subjects
        where workspace_id = %(workspace_id)s and id = e.id limit 1
    ) s on true
    left join lateral (
        select sentiment, intent, reply_needed from email_analyses
        where workspace_id = %(workspace_id)s and email_id = e.id limit 1
    ) a on true
"""
"""The limits make Postgres look up what belongs to each mail. Of plain joins it made hash joins,
where its statistics were a little off: all subjects of the workspace read.
"""
_WHOLE: LiteralString = """
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
    left join lateral (
        select subject, snippet from email_subjects
        where workspace_id = %(workspace_id)s and id = e.id limit 1
    ) s on true
    left join lateral (
        select id, text, html, reply, signature from email_bodies
        where workspace_id = %(workspace_id)s and id = e.id limit 1
    ) b on true
    left join lateral (
        select sentiment, intent, reply_needed from email_analyses
        where workspace_id = %(workspace_id)s and email_id = e.id limit 1
    ) a on true
    where e.workspace_id = %(workspace_id)s and
"""


def find_emails(tx: Tx, listing: Listing) -> list[EmailSummary]:
    """The mails of a page, and the first of the next one if there is one."""
    page = listing.page()
    found = tx.all(EmailSummary, _SUMMARIES + _MAILS + _FOUND + page.sql + _BESIDE, **page.params)
    return sorted(found, key=listing.place_of, reverse=listing.sorted_by.descending)


def count_emails(tx: Tx, listing: Listing, most: int) -> int:
    """How many mails there are on all pages; `most` if there are more."""
    found = listing.up_to(most)
    query: LiteralString = "select count(*) from (select e.id " + _FOUND  # noqa: S608 -- literals
    return tx.one(int, query + found.sql + ") found", **found.params) or 0


def list_emails(
    tx: Tx,
    *,
    limit: int,
    after: Key | None = None,
    mailbox_id: UUID | None = None,
    thread_id: UUID | None = None,
) -> list[EmailSummary]:
    """Mails newest first, from after `after`, of one mailbox or thread where one is named."""
    wanted = AllOf(equal(mailbox_id=mailbox_id, thread_id=thread_id))
    return find_emails(tx, Listing(EMAILS, wanted, limit=limit - 1, after=after))


def emails_by_ids(tx: Tx, ids: Sequence[UUID]) -> list[EmailSummary]:
    """The mails with these ids, of those there are."""
    query = _SUMMARIES + _MAILS + _FOUND + " e.id = any(%(ids)s)" + _BESIDE
    return tx.all(EmailSummary, query, ids=list(ids))


def emails_of_threads(tx: Tx, thread_ids: Sequence[UUID], listing: Listing) -> list[EmailSummary]:
    """A page of the mails of each thread, and the first of the next one if there is one."""
    return _pages(tx, "e.thread_id = parent.key and ", list(thread_ids), "uuid[]", listing)


def emails_of_senders(tx: Tx, addresses: Sequence[str], listing: Listing) -> list[EmailSummary]:
    """A page of the mails from each address, and the first of the next one if there is one."""
    return _pages(tx, "e.sender_email = parent.key and ", list(addresses), "text[]", listing)


def _pages(
    tx: Tx, theirs: LiteralString, parents: list[Any], kind: LiteralString, listing: Listing
) -> list[EmailSummary]:
    """A page for each parent, each from the index of its mails."""
    page = listing.page()
    mails = _MAILS + _FOUND + theirs + page.sql
    each: LiteralString = _OF_EACH + kind + ") as parent (key) cross join lateral ("
    query = _SUMMARIES + each + mails + ") e" + _BESIDE
    found = tx.all(EmailSummary, query, parents=parents, **page.params)
    return sorted(found, key=listing.place_of, reverse=listing.sorted_by.descending)


def get_email(tx: Tx, email_id: UUID) -> Email:
    """One mail, as much of it as the caller may see.

    Raises:
        EmailNotFound: this workspace has none with this id.
    """
    email = tx.one(Email, _WHOLE + " e.id = %(id)s", id=email_id)
    if email is None:
        raise EmailNotFound
    return email


def whole_emails(tx: Tx, ids: Sequence[UUID]) -> list[Email]:
    """The mails with these ids, of those there are, as much of each as the caller may see."""
    return tx.all(Email, _WHOLE + " e.id = any(%(ids)s)", ids=list(ids))


def get_raw_key(tx: Tx, email_id: UUID) -> str:
    """Where the mail's bytes are in the bucket.

    Raises:
        EmailNotFound: there is no such mail, or the caller may not see its body.
        RawErased: it names somebody whose data was erased.
    """
    key = tx.one(
        str,
        """
        select coalesce(e.raw_key, '') from emails e
        join email_bodies b on b.workspace_id = e.workspace_id and b.id = e.id
        where e.workspace_id = %(workspace_id)s and e.id = %(id)s
        """,
        id=email_id,
    )
    if key is None:
        raise EmailNotFound
    if not key:
        raise RawErased
    return key
