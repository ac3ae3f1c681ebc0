"""What can be done with tasks: the change, its event, the result."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from events.activities import TaskChanged, TaskCreated, TaskDeleted, TaskRestored
from functions.activities import queries, store
from functions.activities.models import (
    NewTask,
    StoredTask,
    Task,
    TaskChange,
    TaskEdit,
    UnknownContact,
    UnknownEmail,
)
from shared.access import refuse_hidden, refuse_hidden_fields
from shared.db import Tx
from shared.errors import FieldError, PreconditionFailed, Unprocessable
from shared.filters import Listing
from shared.owners import PASSED_ON_AT_ONCE, may_pass_on, require_owner


def create_task(tx: Tx, new: NewTask, *, automation_run_id: UUID | None = None) -> Task:
    """Create a task; `automation_run_id` names the run that does so, if one does. Whoever acts owns
    it, unless it says otherwise.

    Raises:
        NotPermitted: it names a field that is hidden from the caller.
        UnknownContact: its contact does not exist.
        UnknownEmail: its mail does not exist.
        UnknownOwner: its owner is no member of the workspace.
        OwnerOutOfReach: the caller would not see it.
    """
    refuse_hidden(tx.access, new)
    owner_id = tx.user_id
    if "owner_id" in new.model_fields_set:
        owner_id = new.owner_id
        require_owner(tx, "tasks", owner_id)
    if automation_run_id is None:  # an automation names the mail of its event, which exists
        _refuse_unknown_email(tx, new.email_id)
    task = store.insert(tx, new, owner_id=owner_id, automation_run_id=automation_run_id)
    tx.emit(
        TaskCreated(
            **tx.envelope(task.id, task.version),
            title=task.title,
            email_id=task.email_id,
            contact_id=task.contact_id,
        )
    )
    return task


def change_task(tx: Tx, task_id: UUID, change: TaskChange, *, version: int | None = None) -> Task:
    """Change the fields that `change` names; a change to the same values is none.

    Raises:
        NotPermitted: it names a field that is hidden from the caller.
        TaskNotFound: there is no such task.
        PreconditionFailed: it is no longer at `version`.
        UnknownContact: its new contact does not exist.
        UnknownEmail: its new mail does not exist.
        UnknownOwner: its new owner is no member of the workspace.
        OwnerOutOfReach: the caller would no longer see it.
    """
    refuse_hidden(tx.access, change)
    given = change.model_dump(exclude_unset=True)
    for field in ("title", "status"):
        if field in given and given[field] is None:
            raise Unprocessable(errors=(FieldError(f"/{field}", "cannot be cleared", "null"),))
    current = queries.get_task(tx, task_id)
    if version is not None and current.version != version:
        raise PreconditionFailed
    changed = tuple(field for field, value in given.items() if getattr(current, field) != value)
    if not changed:
        return current
    if "contact_id" in changed and given["contact_id"] is not None:
        _refuse_unknown(tx, given["contact_id"])
    if "email_id" in changed:
        _refuse_unknown_email(tx, given["email_id"])
    if "owner_id" in changed:
        require_owner(tx, "tasks", given["owner_id"])
    stored = store.update(tx, current.model_copy(update=given))
    if stored is None:
        raise PreconditionFailed
    tx.emit(
        TaskChanged(
            **tx.envelope(stored.id, stored.version),
            title=stored.title,
            status=stored.status,
            changed=changed,
            email_id=stored.email_id,
            contact_id=stored.contact_id,
        )
    )
    return stored


def edit_tasks(tx: Tx, which: Listing, edit: TaskEdit, *, at: str = "") -> int:
    """Change every task of a page of `which` that has other values; how many had. `at` is the JSON
    pointer of the edit.

    Raises:
        NotPermitted: it names a field that is hidden from the caller.
        UnknownOwner: the new owner is no member of the workspace.
        OwnerOutOfReach: the caller would no longer see them.
    """
    refuse_hidden(tx.access, edit, at=at)
    given = edit.model_dump(exclude_unset=True)
    if "status" in given and given["status"] is None:
        raise Unprocessable(errors=(FieldError(f"{at}/status", "cannot be cleared", "null"),))
    if "owner_id" in given:
        require_owner(tx, "tasks", given["owner_id"], at=at)
    edited = store.edit(tx, which, given)
    for task in edited:
        tx.emit(
            TaskChanged(
                **tx.envelope(task.id, task.version),
                title=task.title,
                status=task.status,
                changed=task.changed,
                email_id=task.email_id,
                contact_id=task.contact_id,
            )
        )
    return len(edited)


def delete_task(tx: Tx, task_id: UUID, *, version: int | None = None) -> None:
    """Delete a task.

    Raises:
        TaskNotFound: there is no such task.
        PreconditionFailed: it is no longer at `version`.
    """
    current = queries.get_task(tx, task_id)
    deleted = store.delete(tx, task_id, current.version if version is None else version)
    if deleted is None:
        raise PreconditionFailed
    tx.emit(
        TaskDeleted(
            **tx.envelope(task_id, deleted),
            title=current.title,
        )
    )


def pass_on_tasks(tx: Tx, owner_id: UUID, heir_id: UUID) -> bool:
    """Give some tasks of somebody who left to a member; whether there may be more."""
    if not may_pass_on(tx, owner_id, heir_id):
        return False
    passed = store.pass_on(tx, owner_id, heir_id, most=PASSED_ON_AT_ONCE)
    for task in passed:
        tx.emit(
            TaskChanged(
                **tx.envelope(task.id, task.version),
                title=task.title,
                status=task.status,
                changed=("owner_id",),
                email_id=task.email_id,
                contact_id=task.contact_id,
            )
        )
    return len(passed) == PASSED_ON_AT_ONCE


def _refuse_unknown(tx: Tx, contact_id: UUID) -> None:
    if not queries.contact_exists(tx, contact_id):
        raise UnknownContact


def _refuse_unknown_email(tx: Tx, email_id: UUID | None) -> None:
    if email_id is not None and not queries.email_exists(tx, email_id):
        raise UnknownEmail


def restore_task(tx: Tx, task_id: UUID, before: dict[str, Any] | None, *, version: int) -> None:
    """Make a task at `version` what it was before, a whole row; null is that it was not there.

    Raises:
        PreconditionFailed: it is no longer at `version`, or the caller does not see it.
        NotPermitted: a field that would change is hidden from the caller.
        UnknownOwner, OwnerOutOfReach: the caller cannot give it back to its owner.
    """
    current = queries.find_stored(tx, task_id)
    if current is None or current.version != version:
        raise PreconditionFailed
    if before is None:
        if current.deleted_at is None:
            delete_task(tx, task_id, version=version)
        return
    was = StoredTask.model_validate(before)
    changed = tuple(
        one for one in TaskChange.model_fields if getattr(current, one) != getattr(was, one)
    )
    refuse_hidden_fields(tx.access, "tasks", changed)
    if "owner_id" in changed:
        require_owner(tx, "tasks", was.owner_id)
    task = store.restore(tx, task_id, before, version)
    if task is None:
        raise PreconditionFailed
    envelope = tx.envelope(task_id, task.version)
    if was.deleted_at is not None:
        tx.emit(TaskDeleted(**envelope, title=task.title))
    elif current.deleted_at is not None:
        tx.emit(
            TaskRestored(
                **envelope,
                title=task.title,
                status=task.status,
                email_id=task.email_id,
                contact_id=task.contact_id,
            )
        )
    else:
        tx.emit(
            TaskChanged(
                **envelope,
                title=task.title,
                status=task.status,
                changed=changed,
                email_id=task.email_id,
                contact_id=task.contact_id,
            )
        )
