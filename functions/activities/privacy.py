"""What activities hold about a person: tasks about them, and those that came from their mails."""

from __future__ import annotations

from typing import Any

from events.activities import TaskDeleted
from shared.db import Tx
from shared.privacy import (
    ERASED,
    PAGE,
    Batch,
    Gone,
    Page,
    Part,
    Person,
    erased_ids,
    note_erased,
)


def erase(tx: Tx, person: Person, after: str | None) -> Batch:
    """Delete tasks: first those of the contact, then those that came from mails of theirs, going by
    the mails that were erased.
    """
    gone = tx.all(
        Gone,
        """
        delete from tasks where workspace_id = %(workspace_id)s and id = any(array(
            select id from tasks
            where workspace_id = %(workspace_id)s and contact_id = any(%(contacts)s)
            limit %(most)s
        ))
        returning id, version, deleted_at is null as alive
        """,
        contacts=list(person.contact_ids),
        most=PAGE,
    )
    if gone:
        return _told(tx, person, gone, after or "")
    mails = erased_ids(tx, person, "emails", after or None, PAGE)
    gone = tx.all(
        Gone,
        """
        delete from tasks
        where workspace_id = %(workspace_id)s and email_id = any(%(mails)s)
        returning id, version, deleted_at is null as alive
        """,
        mails=mails,
    )
    return _told(tx, person, gone, str(mails[-1]) if len(mails) == PAGE else None)


def _told(tx: Tx, person: Person, gone: list[Gone], after: str | None) -> Batch:
    note_erased(tx, person, "tasks", [one.id for one in gone])
    for one in gone:
        if one.alive:
            tx.emit(TaskDeleted(**tx.envelope(one.id, one.version + 1), title=ERASED))
    return Batch({"tasks": len(gone)}, after)


def collect(tx: Tx, person: Person, after: str | None) -> Page:
    """Tasks about the contact."""
    found: list[dict[str, Any]] = tx.all(
        dict,
        """
        select id, title, notes, status, due_at, contact_id, email_id, source, created_by,
            created_at, updated_at, deleted_at
        from tasks
        where workspace_id = %(workspace_id)s and contact_id = any(%(contacts)s)
            and id > coalesce(%(after)s::uuid, '00000000-0000-0000-0000-000000000000')
        order by id limit %(most)s
        """,
        contacts=list(person.contact_ids),
        after=after,
        most=PAGE,
    )
    return Page(found, str(found[-1]["id"]) if len(found) == PAGE else None)


PRIVACY = (
    Part(
        "tasks",
        tables=("tasks",),
        erase=erase,
        files={"tasks.ndjson": collect},
        after=("emails",),
    ),
)
