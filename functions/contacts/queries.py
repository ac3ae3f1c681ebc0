"""Reading contacts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

from functions.contacts.fields import CONTACTS
from functions.contacts.models import Contact, ContactNotFound, StoredContact
from shared.cursors import Key
from shared.db import Tx
from shared.filters import Listing

_ALL: LiteralString = """
    select id, name, email, phone, company, job_title, tags, owner_id, version, created_at,
        updated_at
    from contacts
    where workspace_id = %(workspace_id)s and deleted_at is null
"""


def get_contact(tx: Tx, contact_id: UUID) -> Contact:
    """The contact with this id.

    Raises:
        ContactNotFound: this workspace has none.
    """
    contact = tx.one(Contact, _ALL + " and id = %(id)s", id=contact_id)
    if contact is None:
        raise ContactNotFound
    return contact


def find_by_email(tx: Tx, email: str) -> Contact | None:
    """The contact with this address, in its normalised form."""
    return tx.one(Contact, _ALL + " and email = %(email)s", email=email)


def lock_by_email(tx: Tx, email: str) -> Contact | None:
    """The same, and nobody else changes it until this transaction ends."""
    return tx.one(Contact, _ALL + " and email = %(email)s for no key update", email=email)


def find_contacts(tx: Tx, listing: Listing) -> list[Contact]:
    """The contacts of a page, and the first of the next one if there is one."""
    page = listing.page()
    return tx.all(Contact, _ALL + " and " + page.sql, **page.params)


def count_contacts(tx: Tx, listing: Listing, most: int) -> int:
    """How many contacts there are on all pages; `most` if there are more."""
    found = listing.up_to(most)
    query = "select count(*) from (" + _ALL + " and " + found.sql + ") found"  # noqa: S608 -- literals
    return tx.one(int, query, **found.params) or 0


def list_contacts(tx: Tx, *, limit: int, after: Key | None = None) -> list[Contact]:
    """Contacts newest first, from after `after`: up to `limit` of them."""
    return find_contacts(tx, Listing(CONTACTS, limit=limit - 1, after=after))


def contacts_by_ids(tx: Tx, ids: Sequence[UUID]) -> list[Contact]:
    """The contacts with these ids, of those there are."""
    return tx.all(Contact, _ALL + " and id = any(%(ids)s)", ids=list(ids))


def contacts_by_emails(tx: Tx, emails: Sequence[str]) -> list[Contact]:
    """The contacts with these addresses, in their normalised form, of those there are."""
    return tx.all(Contact, _ALL + " and email = any(%(emails)s)", emails=list(emails))


def find_stored(tx: Tx, contact_id: UUID) -> StoredContact | None:
    """The contact with this id, deleted or not, locked until the transaction ends."""
    return tx.one(
        StoredContact,
        """
        select id, name, email, phone, company, job_title, tags, owner_id, version, created_at,
            updated_at, deleted_at
        from contacts
        where workspace_id = %(workspace_id)s and id = %(id)s for update
        """,
        id=contact_id,
    )
