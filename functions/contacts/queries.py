"""Reading contacts."""

from __future__ import annotations

from uuid import UUID

from functions.contacts.models import Contact, ContactNotFound
from shared.cursors import Key
from shared.db import Tx


def get_contact(tx: Tx, contact_id: UUID) -> Contact:
    """The contact with this id.

    Raises:
        ContactNotFound: this workspace has none.
    """
    contact = tx.one(
        Contact,
        """
        select id, name, email, phone, company, job_title, tags, version, created_at, updated_at
        from contacts
        where workspace_id = %(workspace_id)s and id = %(id)s and deleted_at is null
        """,
        id=contact_id,
    )
    if contact is None:
        raise ContactNotFound
    return contact


def find_by_email(tx: Tx, email: str) -> Contact | None:
    """The contact with this address, in its normalised form."""
    return tx.one(
        Contact,
        """
        select id, name, email, phone, company, job_title, tags, version, created_at, updated_at
        from contacts
        where workspace_id = %(workspace_id)s and email = %(email)s and deleted_at is null
        """,
        email=email,
    )


def list_contacts(tx: Tx, *, limit: int, after: Key | None = None) -> list[Contact]:
    """Contacts newest first, from after `after`: up to `limit` of them."""
    at, last_id = after or (None, None)
    return tx.all(
        Contact,
        """
        select id, name, email, phone, company, job_title, tags, version, created_at, updated_at
        from contacts
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
