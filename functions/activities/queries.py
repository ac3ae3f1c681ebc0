"""Reading tasks."""

from __future__ import annotations

from uuid import UUID

from functions.activities.models import Status, Task, TaskNotFound
from shared.cursors import Key
from shared.db import Tx


def get_task(tx: Tx, task_id: UUID) -> Task:
    """The task with this id.

    Raises:
        TaskNotFound: this workspace has none.
    """
    task = tx.one(
        Task,
        """
        select id, title, notes, status, due_at, contact_id, email_id, source, created_by,
            automation_run_id, version, created_at, updated_at
        from tasks
        where workspace_id = %(workspace_id)s and id = %(id)s and deleted_at is null
        """,
        id=task_id,
    )
    if task is None:
        raise TaskNotFound
    return task


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
    at, last_id = after or (None, None)
    return tx.all(
        Task,
        """
        select id, title, notes, status, due_at, contact_id, email_id, source, created_by,
            automation_run_id, version, created_at, updated_at
        from tasks
        where workspace_id = %(workspace_id)s and deleted_at is null
            and (%(status)s::text is null or status = %(status)s)
            and (%(contact_id)s::uuid is null or contact_id = %(contact_id)s)
            and (%(email_id)s::uuid is null or email_id = %(email_id)s)
            and (created_at, id) < (
                coalesce(%(at)s::timestamptz, 'infinity'),
                coalesce(%(last_id)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
            )
        order by created_at desc, id desc
        limit %(limit)s
        """,
        status=status,
        contact_id=contact_id,
        email_id=email_id,
        at=at,
        last_id=last_id,
        limit=limit,
    )


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
