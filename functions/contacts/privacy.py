"""What contacts hold about a person: the contact itself."""

from __future__ import annotations

from typing import Any

from events.contacts import ContactDeleted
from shared.db import Tx
from shared.privacy import Batch, Gone, Page, Part, Person, note_erased


def erase(tx: Tx, person: Person, after: str | None) -> Batch:
    """Delete the contacts, also those that were deleted before and kept their rows."""
    gone = tx.all(
        Gone,
        """
        delete from contacts where workspace_id = %(workspace_id)s and id = any(%(ids)s)
        returning id, version, deleted_at is null as alive
        """,
        ids=list(person.contact_ids),
    )
    note_erased(tx, person, "contacts", [one.id for one in gone])
    for one in gone:
        if one.alive:
            tx.emit(ContactDeleted(**tx.envelope(one.id, one.version + 1), email=None))
    return Batch({"contacts": len(gone)}, None)


def collect(tx: Tx, person: Person, after: str | None) -> Page:
    """The contacts as they are; one that was deleted says when."""
    found: list[dict[str, Any]] = tx.all(
        dict,
        """
        select id, name, email, phone, company, job_title, tags, created_at, updated_at, deleted_at
        from contacts
        where workspace_id = %(workspace_id)s and id = any(%(ids)s) order by id
        """,
        ids=list(person.contact_ids),
    )
    return Page(found, None)


PRIVACY = (
    Part(
        "contacts",
        tables=("contacts",),
        erase=erase,
        files={"contact.json": collect},
        after=("tasks",),
    ),
)
