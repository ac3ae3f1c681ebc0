"""Reading tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

from functions.activities.fields import TASKS
from functions.activities.models import Status, StoredTask, Task, TaskNotFound
from shared.cursors import Key
from shared.db import Tx
from shared.filters import AllOf, Listing, equal

_ALL: LiteralString = """
    select id, title, notes, status, due_at, contact_id, email_id, source, owner_id, created_by,
        automation_run_id, version, created_at, updated_at
    from tasks
    where workspace_id = %(workspace_id)s and deleted_at is null
"""
_OF_EACH: LiteralString = """
    select task.id, title, notes, status, due_at, contact_id, email_id, source, owner_id,
        created_by, automation_run_id, version, created_at, updated_at
    from unnest(%(parents)s::uuid[]) as parent (id) cross join lateral (
"""


def get_task(tx: Tx, task_id: UUID) -> Task:
    """The task with this id.

    Raises:
        TaskNotFound: this workspace has none.
    """
    task = tx.one(Task, _ALL + " and id = %(id)s", id=task_id)
    if task is None:
        raise TaskNotFound
    return task


def find_tasks(tx: Tx, listing: Listing) -> list[Task]:
    """The tasks of a page, and the first of the next one if there is one."""
    page = listing.page()
    return tx.all(Task, _ALL + " and " + page.sql, **page.params)


def count_tasks(tx: Tx, listing: Listing, most: int) -> int:
    """How many tasks there are on all pages; `most` if there are more."""
    found = listing.up_to(most)
    query = "select count(*) from (" + _ALL + " and " + found.sql + ") found"  # noqa: S608 -- literals
    return tx.one(int, query, **found.params) or 0


def list_tasks(
    tx: Tx,
    *,
    limit: int,
    after: Key | None = None,
    status: Status | None = None,
    contact_id: UUID | None = None,
    email_id: UUID | None = None,
) -> list[Task]:
    """Tasks newest first, from after `after`: up to `limit` of them, of those that are given."""
    wanted = AllOf(equal(status=status, contact_id=contact_id, email_id=email_id))
    return find_tasks(tx, Listing(TASKS, wanted, limit=limit - 1, after=after))


def contact_exists(tx: Tx, contact_id: UUID) -> bool:
    """Whether this workspace has the contact."""
    found = tx.one(
        bool,
        """
        select true from contacts
        where workspace_id = %(workspace_id)s and id = %(id)s and deleted_at is null
        """,
        id=contact_id,
    )
    return found is not None


def email_exists(tx: Tx, email_id: UUID) -> bool:
    """Whether this workspace has the mail; the ledger knows archived ones too."""
    found = tx.one(
        bool,
        """
        select true from mail_ledger
        where workspace_id = %(workspace_id)s and email_id = %(id)s
        limit 1
        """,
        id=email_id,
    )
    return found is not None


def tasks_by_ids(tx: Tx, ids: Sequence[UUID]) -> list[Task]:
    """The tasks with these ids, of those there are."""
    return tx.all(Task, _ALL + " and id = any(%(ids)s)", ids=list(ids))


def tasks_of_contacts(tx: Tx, contact_ids: Sequence[UUID], listing: Listing) -> list[Task]:
    """A page of the tasks of each contact, and the first of the next one if there is one."""
    return _pages(tx, " and contact_id = parent.id and ", contact_ids, listing)


def tasks_of_emails(tx: Tx, email_ids: Sequence[UUID], listing: Listing) -> list[Task]:
    """A page of the tasks from each mail, and the first of the next one if there is one."""
    return _pages(tx, " and email_id = parent.id and ", email_ids, listing)


def _pages(tx: Tx, theirs: LiteralString, parents: Sequence[UUID], listing: Listing) -> list[Task]:
    """A page for each parent, each from the index of its tasks."""
    page = listing.page()
    query = _OF_EACH + _ALL + theirs + page.sql + ") task"
    return tx.all(Task, query, parents=list(parents), **page.params)


def find_stored(tx: Tx, task_id: UUID) -> StoredTask | None:
    """The task with this id, deleted or not, locked until the transaction ends."""
    return tx.one(
        StoredTask,
        """
        select id, title, notes, status, due_at, contact_id, email_id, source, owner_id, created_by,
            automation_run_id, version, created_at, updated_at, deleted_at
        from tasks
        where workspace_id = %(workspace_id)s and id = %(id)s for update
        """,
        id=task_id,
    )
