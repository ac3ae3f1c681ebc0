"""What can be done with contacts: the change, its event, the result."""

from __future__ import annotations

from uuid import UUID

from events.contacts import ContactChanged, ContactCreated, ContactDeleted
from functions.contacts import queries, store
from functions.contacts.models import Contact, ContactChange, EmailTaken, NewContact
from shared.db import Tx
from shared.errors import FieldError, PreconditionFailed, Unprocessable


def create_contact(tx: Tx, new: NewContact) -> Contact:
    """Create a contact.

    Raises:
        EmailTaken: another contact has the address.
    """
    contact = store.insert(tx, new)
    tx.emit(
        ContactCreated(
            **tx.envelope(contact.id, contact.version),
            email=contact.email,
            name=contact.name,
        )
    )
    return contact


def change_contact(
    tx: Tx, contact_id: UUID, change: ContactChange, *, version: int | None = None
) -> Contact:
    """Change the fields that `change` names; a change to the same values is none.

    Raises:
        ContactNotFound: there is no such contact.
        PreconditionFailed: it is no longer at `version`.
        EmailTaken: another contact has the new address.
    """
    given = change.model_dump(exclude_unset=True)
    if "name" in given and given["name"] is None:
        raise Unprocessable(errors=(FieldError("/name", "a contact needs a name", "null"),))
    if "tags" in given and given["tags"] is None:
        given["tags"] = ()
    current = queries.get_contact(tx, contact_id)
    if version is not None and current.version != version:
        raise PreconditionFailed
    changed = tuple(field for field, value in given.items() if getattr(current, field) != value)
    if not changed:
        return current
    if "email" in changed and given["email"]:
        _refuse_taken(tx, given["email"])
    stored = store.update(tx, current.model_copy(update=given))
    if stored is None:
        raise PreconditionFailed
    tx.emit(
        ContactChanged(
            **tx.envelope(stored.id, stored.version),
            email=stored.email,
            name=stored.name,
            changed=changed,
        )
    )
    return stored


def delete_contact(tx: Tx, contact_id: UUID, *, version: int | None = None) -> None:
    """Delete a contact.

    Raises:
        ContactNotFound: there is no such contact.
        PreconditionFailed: it is no longer at `version`.
    """
    current = queries.get_contact(tx, contact_id)
    deleted = store.delete(tx, contact_id, current.version if version is None else version)
    if deleted is None:
        raise PreconditionFailed
    tx.emit(
        ContactDeleted(
            **tx.envelope(contact_id, deleted),
            email=current.email,
        )
    )


def _refuse_taken(tx: Tx, email: str) -> None:
    other = queries.find_by_email(tx, email)
    if other is not None:
        raise EmailTaken(existing_id=str(other.id))
