"""Writing contacts."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, LiteralString
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from functions.contacts.models import Contact, EditedContact, EmailTaken, NewContact
from shared.db import Tx
from shared.filters import Listing, edit_statement
from shared.ids import uuid7


def insert(tx: Tx, new: NewContact, *, owner_id: UUID | None) -> Contact:
    """Store a new contact of this owner's.

    Raises:
        EmailTaken: another contact has the address; `existing_id` names it.
    """
    contact = tx.one(
        Contact,
        """
        insert into contacts (workspace_id, id, name, email, phone, company, job_title, tags,
            owner_id)
        values (%(workspace_id)s, %(id)s, %(name)s, %(email)s, %(phone)s, %(company)s,
            %(job_title)s, %(tags)s, %(owner_id)s)
        on conflict (workspace_id, email) where deleted_at is null do nothing
        returning id, name, email, phone, company, job_title, tags, owner_id, version, created_at,
            updated_at
        """,
        **_columns(new.model_dump(exclude={"owner_id"})),
        id=uuid7(),
        owner_id=owner_id,
    )
    if contact is None:
        raise _email_taken(tx, new.email)
    return contact


def update(tx: Tx, contact: Contact) -> Contact | None:
    """Store a contact's new values if it is still at the version given; None if it is not.

    Raises:
        EmailTaken: another contact has the address. The transaction can then only roll back.
    """
    try:
        return tx.one(
            Contact,
            """
            update contacts set name = %(name)s, email = %(email)s, phone = %(phone)s,
                company = %(company)s, job_title = %(job_title)s, tags = %(tags)s,
                owner_id = %(owner_id)s, version = version + 1, updated_at = now()
            where workspace_id = %(workspace_id)s and id = %(id)s and version = %(version)s
                and deleted_at is null
            returning id, name, email, phone, company, job_title, tags, owner_id, version,
                created_at, updated_at
            """,
            **_columns(contact.model_dump()),
        )
    except UniqueViolation as error:
        raise EmailTaken from error


_COLUMNS: LiteralString = (
    "id, name, email, phone, company, job_title, tags, owner_id, version, created_at, updated_at"
)
_SET: Mapping[LiteralString, LiteralString] = MappingProxyType(
    {
        "phone": "%(to_phone)s",
        "company": "%(to_company)s",
        "job_title": "%(to_job_title)s",
        "owner_id": "%(to_owner_id)s::uuid",
        "tags": "%(to_tags)s::text[]",
    }
)
_MERGED: LiteralString = """
    array(select tag from unnest(tags) with ordinality as t (tag, n)
        where tag <> all(%(to_remove_tags)s::text[]) order by n)
    || array(select tag from unnest(%(to_add_tags)s::text[]) with ordinality as t (tag, n)
        where tag <> all(tags) order by n)
"""


def edit(tx: Tx, which: Listing, given: Mapping[str, Any]) -> list[EditedContact]:
    """Give the contacts of a page that have others these values; those that had others. `add_tags`
    and `remove_tags` change the tags that there are.
    """
    values: dict[LiteralString, LiteralString] = {}
    values |= {name: value for name, value in _SET.items() if name in given}
    if given.get("add_tags") or given.get("remove_tags"):
        values["tags"] = _MERGED
    if not values:
        return []
    params = {"to_add_tags": (), "to_remove_tags": ()} | {f"to_{n}": v for n, v in given.items()}
    lists = {name: list(params[name] or ()) for name in params if name.endswith("tags")}
    statement = edit_statement(which, "contacts", values, _COLUMNS)
    return tx.all(EditedContact, statement.sql, **params | lists, **statement.params)


def delete(tx: Tx, contact_id: UUID, version: int) -> int | None:
    """Mark a contact deleted if it is still at this version; its new version."""
    return tx.one(
        int,
        """
        update contacts set deleted_at = now(), version = version + 1, updated_at = now()
        where workspace_id = %(workspace_id)s and id = %(id)s and version = %(version)s
            and deleted_at is null
        returning version
        """,
        id=contact_id,
        version=version,
    )


def pass_on(tx: Tx, owner_id: UUID, heir_id: UUID, *, most: int) -> list[Contact]:
    """Give up to `most` contacts of one owner to another; the contacts, as they are now."""
    return tx.all(
        Contact,
        """
        with chosen as materialized (
            select id from contacts
            where workspace_id = %(workspace_id)s and owner_id = %(owner_id)s
                and deleted_at is null
            order by created_at desc, id desc limit %(most)s
            for no key update
        )
        update contacts c set owner_id = %(heir_id)s, version = c.version + 1, updated_at = now()
        from chosen
        where c.workspace_id = %(workspace_id)s and c.id = chosen.id
        returning c.id, c.name, c.email, c.phone, c.company, c.job_title, c.tags, c.owner_id,
            c.version, c.created_at, c.updated_at
        """,
        owner_id=owner_id,
        heir_id=heir_id,
        most=most,
    )


def _columns(values: dict[str, Any]) -> dict[str, Any]:
    return {**values, "tags": list(values["tags"])}


def _email_taken(tx: Tx, email: str | None) -> EmailTaken:
    existing = tx.one(
        str,
        """
        select id::text from contacts
        where workspace_id = %(workspace_id)s and email = %(email)s and deleted_at is null
        """,
        email=email,
    )
    return EmailTaken(existing_id=existing)


def restore(tx: Tx, contact_id: UUID, before: dict[str, Any], version: int) -> Contact | None:
    """Make a contact what it was, a row as `to_jsonb` gave it, if it is still at this version.

    Raises:
        EmailTaken: another contact has the address by now. The transaction can then only roll back.
    """
    try:
        return tx.one(
            Contact,
            """
            update contacts c set name = b.name, email = b.email, phone = b.phone,
                company = b.company, job_title = b.job_title, tags = b.tags, owner_id = b.owner_id,
                deleted_at = b.deleted_at, version = c.version + 1, updated_at = now()
            from jsonb_populate_record(null::contacts, %(before)s) b
            where c.workspace_id = %(workspace_id)s and c.id = %(id)s and c.version = %(version)s
            returning c.id, c.name, c.email, c.phone, c.company, c.job_title, c.tags, c.owner_id,
                c.version, c.created_at, c.updated_at
            """,
            id=contact_id,
            before=Jsonb(before),
            version=version,
        )
    except UniqueViolation as error:
        raise EmailTaken from error
