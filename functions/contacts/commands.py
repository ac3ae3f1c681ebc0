"""What can be done with contacts: the change, its event, the result."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

from events.contacts import ContactChanged, ContactCreated, ContactDeleted, ContactRestored
from functions.contacts import queries, store
from functions.contacts.models import (
    MOST_TAGS,
    Contact,
    ContactChange,
    ContactEdit,
    EmailTaken,
    NewContact,
    StoredContact,
    TagsUnclear,
    TooManyTags,
)
from shared.access import refuse_hidden, refuse_hidden_fields
from shared.db import Tx
from shared.errors import FieldError, PreconditionFailed, Unprocessable
from shared.filters import Listing
from shared.owners import PASSED_ON_AT_ONCE, may_pass_on, require_owner

_UPSERT_ATTEMPTS = 3
"""In between, somebody may delete what they had just created."""


def create_contact(tx: Tx, new: NewContact) -> Contact:
    """Create a contact; whoever acts owns it, unless it says otherwise.

    Raises:
        NotPermitted: it names a field that is hidden from the caller.
        EmailTaken: another contact has the address.
        UnknownOwner: its owner is no member of the workspace.
        OwnerOutOfReach: the caller would not see it.
    """
    refuse_hidden(tx.access, new)
    owner_id = tx.user_id
    if "owner_id" in new.model_fields_set:
        owner_id = new.owner_id
        require_owner(tx, "contacts", owner_id)
    contact = store.insert(tx, new, owner_id=owner_id)
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
        NotPermitted: it names a field that is hidden from the caller.
        ContactNotFound: there is no such contact.
        PreconditionFailed: it is no longer at `version`.
        EmailTaken: another contact has the new address.
        UnknownOwner: its new owner is no member of the workspace.
        OwnerOutOfReach: the caller would no longer see it.
    """
    refuse_hidden(tx.access, change)
    given = change.model_dump(exclude_unset=True)
    if "name" in given and given["name"] is None:
        raise Unprocessable(errors=(FieldError("/name", "a contact needs a name", "null"),))
    if "tags" in given and given["tags"] is None:
        given["tags"] = ()
    current = queries.get_contact(tx, contact_id)
    if version is not None and current.version != version:
        raise PreconditionFailed
    return _change(tx, current, given)


def upsert_contact(tx: Tx, new: NewContact) -> tuple[Contact, bool]:
    """Change the contact with this email, as `change_contact` does with the fields that are given;
    create it if there is none. The contact, and whether it was created.

    However many do so at once, there is one contact, and each has its effect: who comes second
    waits for the first to commit.

    Raises:
        NotPermitted: it names a field that is hidden from the caller.
        Unprocessable: there is no email to find it by.
        EmailTaken: it is one that the caller does not see.
        UnknownOwner: its owner is no member of the workspace.
        OwnerOutOfReach: the caller would not see it.
    """
    refuse_hidden(tx.access, new)
    if new.email is None:
        missing = FieldError("/email", "the contact is found by its email", "missing")
        raise Unprocessable(errors=(missing,))
    for _ in range(_UPSERT_ATTEMPTS):
        current = queries.lock_by_email(tx, new.email)
        if current is not None:
            return _change(tx, current, new.model_dump(exclude_unset=True)), False
        with suppress(EmailTaken):  # somebody else has just created it
            return create_contact(tx, new), True
    raise EmailTaken


def _change(tx: Tx, current: Contact, given: dict[str, Any]) -> Contact:
    """Give a contact new values for some fields; where they are its values already, do nothing."""
    changed = tuple(field for field, value in given.items() if getattr(current, field) != value)
    if not changed:
        return current
    if "email" in changed and given["email"]:
        _refuse_taken(tx, given["email"])
    if "owner_id" in changed:
        require_owner(tx, "contacts", given["owner_id"])
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


def edit_contacts(tx: Tx, which: Listing, edit: ContactEdit, *, at: str = "") -> int:
    """Change every contact of a page of `which` that has other values; how many had. `at` is the
    JSON pointer of the edit.

    Raises:
        NotPermitted: it names a field that is hidden from the caller.
        UnknownOwner: the new owner is no member of the workspace.
        OwnerOutOfReach: the caller would no longer see them.
        TagsUnclear: what to do with tags is not clear.
        TooManyTags: a contact would have too many.
    """
    refuse_hidden(tx.access, edit, at=at)
    given = edit.model_dump(exclude_unset=True)
    if "owner_id" in given:
        require_owner(tx, "contacts", given["owner_id"], at=at)
    _refuse_unclear(edit, at)
    if "tags" in given:
        given["tags"] = given["tags"] or ()
    edited = store.edit(tx, which, given)
    for contact in edited:
        if len(contact.tags) > MOST_TAGS:
            detail = f"contact {contact.id} would have {len(contact.tags)}, of {MOST_TAGS} at most"
            raise TooManyTags(errors=(FieldError(f"{at}/add_tags", detail, "too_long"),))
        tx.emit(
            ContactChanged(
                **tx.envelope(contact.id, contact.version),
                email=contact.email,
                name=contact.name,
                changed=contact.changed,
            )
        )
    return len(edited)


def _refuse_unclear(edit: ContactEdit, at: str) -> None:
    changes = edit.add_tags or edit.remove_tags
    if set(edit.add_tags) & set(edit.remove_tags) or (changes and edit.tags is not None):
        detail = "expected tags, or tags to add and other tags to remove"
        raise TagsUnclear(errors=(FieldError(f"{at}/tags", detail, "unclear"),))


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


def pass_on_contacts(tx: Tx, owner_id: UUID, heir_id: UUID) -> bool:
    """Give some contacts of somebody who left to a member; whether there may be more."""
    if not may_pass_on(tx, owner_id, heir_id):
        return False
    passed = store.pass_on(tx, owner_id, heir_id, most=PASSED_ON_AT_ONCE)
    for contact in passed:
        tx.emit(
            ContactChanged(
                **tx.envelope(contact.id, contact.version),
                email=contact.email,
                name=contact.name,
                changed=("owner_id",),
            )
        )
    return len(passed) == PASSED_ON_AT_ONCE


def _refuse_taken(tx: Tx, email: str) -> None:
    other = queries.find_by_email(tx, email)
    if other is not None:
        raise EmailTaken(existing_id=str(other.id))


def restore_contact(
    tx: Tx, contact_id: UUID, before: dict[str, Any] | None, *, version: int
) -> None:
    """Make a contact at `version` what it was before, a whole row; null is that it was not there.

    Raises:
        PreconditionFailed: it is no longer at `version`, or the caller does not see it.
        NotPermitted: a field that would change is hidden from the caller.
        UnknownOwner, OwnerOutOfReach: the caller cannot give it back to its owner.
        EmailTaken: another contact has its address by now. The transaction can then only roll back.
    """
    current = queries.find_stored(tx, contact_id)
    if current is None or current.version != version:
        raise PreconditionFailed
    if before is None:
        if current.deleted_at is None:
            delete_contact(tx, contact_id, version=version)
        return
    was = StoredContact.model_validate(before)
    changed = tuple(
        one for one in ContactChange.model_fields if getattr(current, one) != getattr(was, one)
    )
    refuse_hidden_fields(tx.access, "contacts", changed)
    if "owner_id" in changed:
        require_owner(tx, "contacts", was.owner_id)
    contact = store.restore(tx, contact_id, before, version)
    if contact is None:
        raise PreconditionFailed
    envelope = tx.envelope(contact_id, contact.version)
    if was.deleted_at is not None:
        tx.emit(ContactDeleted(**envelope, email=contact.email))
    elif current.deleted_at is not None:
        tx.emit(ContactRestored(**envelope, email=contact.email, name=contact.name))
    else:
        tx.emit(ContactChanged(**envelope, email=contact.email, name=contact.name, changed=changed))
