"""Reading threads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

from functions.email.models import Thread
from shared.cursors import Key
from shared.db import Tx
from shared.filters import ID, INSTANT, AllOf, Column, Listing, Object, Order, equal

THREADS = Object(
    "threads",
    {
        "mailbox_id": Column(ID, "mailbox_id"),
        "last_at": Column(INSTANT, "last_at", order="last_at"),
    },
    newest=Order("last_at", descending=True),
)
_ALL: LiteralString = """
    select id, mailbox_id, emails, last_at from threads where workspace_id = %(workspace_id)s
"""


def threads_by_ids(tx: Tx, ids: Sequence[UUID]) -> list[Thread]:
    """The conversations with these ids, of those there are."""
    return tx.all(Thread, _ALL + " and id = any(%(ids)s)", ids=list(ids))


def find_threads(tx: Tx, listing: Listing) -> list[Thread]:
    """The conversations of a page, and the first of the next one if there is one."""
    page = listing.page()
    return tx.all(Thread, _ALL + " and " + page.sql, **page.params)


def count_threads(tx: Tx, listing: Listing, most: int) -> int:
    """How many conversations there are on all pages; `most` if there are more."""
    found = listing.up_to(most)
    query = "select count(*) from (" + _ALL + " and " + found.sql + ") found"  # noqa: S608 -- literals
    return tx.one(int, query, **found.params) or 0


def list_threads(
    tx: Tx, *, limit: int, after: Key | None = None, mailbox_id: UUID | None = None
) -> list[Thread]:
    """Conversations, the one with the newest mail first, from after `after`: up to `limit`."""
    wanted = AllOf(equal(mailbox_id=mailbox_id))
    return find_threads(tx, Listing(THREADS, wanted, limit=limit - 1, after=after))
