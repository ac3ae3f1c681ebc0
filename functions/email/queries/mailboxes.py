"""Reading mailboxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

from functions.email.models import Mailbox, MailboxAccess, MailboxNotFound, Quota
from shared.cursors import Key
from shared.db import Tx
from shared.filters import ID, INSTANT, TEXT, Column, Listing, Object, choice

MAILBOXES = Object(
    "mailboxes",
    {
        "user_id": Column(ID, "user_id"),
        "address": Column(TEXT, "address"),
        "state": Column(choice("active", "disconnected"), "state"),
        "created_at": Column(INSTANT, "created_at", order="created_at"),
    },
)
_ALL: LiteralString = """
    select id, user_id, provider, address, sharing, state, state_reason, synced_at,
        watch_expires_at, throttled_until, units_per_minute, version, created_at
    from mailboxes
    where workspace_id = %(workspace_id)s and deleted_at is null
"""


def get_mailbox(tx: Tx, mailbox_id: UUID) -> Mailbox:
    """The mailbox with this id.

    Raises:
        MailboxNotFound: this workspace has none.
    """
    mailbox = tx.one(Mailbox, _ALL + " and id = %(id)s", id=mailbox_id)
    if mailbox is None:
        raise MailboxNotFound
    return mailbox


def mailboxes_by_ids(tx: Tx, ids: Sequence[UUID]) -> list[Mailbox]:
    """The mailboxes with these ids, of those there are."""
    return tx.all(Mailbox, _ALL + " and id = any(%(ids)s)", ids=list(ids))


def find_mailboxes(tx: Tx, listing: Listing) -> list[Mailbox]:
    """The mailboxes of a page, and the first of the next one if there is one."""
    page = listing.page()
    return tx.all(Mailbox, _ALL + " and " + page.sql, **page.params)


def count_mailboxes(tx: Tx, listing: Listing, most: int) -> int:
    """How many mailboxes there are on all pages; `most` if there are more."""
    found = listing.up_to(most)
    query = "select count(*) from (" + _ALL + " and " + found.sql + ") found"  # noqa: S608 -- literals
    return tx.one(int, query, **found.params) or 0


def list_mailboxes(tx: Tx, *, limit: int, after: Key | None = None) -> list[Mailbox]:
    """Mailboxes newest first, from after `after`: up to `limit` of them."""
    return find_mailboxes(tx, Listing(MAILBOXES, limit=limit - 1, after=after))


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
