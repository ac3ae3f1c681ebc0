"""Writing tasks."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, LiteralString
from uuid import UUID

from psycopg.errors import ForeignKeyViolation
from psycopg.types.json import Jsonb

from functions.activities.models import EditedTask, NewTask, Task, UnknownContact
from shared.db import Tx
from shared.filters import Listing, edit_statement
from shared.ids import uuid7


@contextmanager
def _contact_known() -> Generator[None]:
    """The one row a task needs that may be gone for good since it was looked at: its contact's."""
    try:
        yield
    except ForeignKeyViolation as error:
        raise UnknownContact from error


@_contact_known()
def insert(tx: Tx, new: NewTask, *, owner_id: UUID | None, automation_run_id: UUID | None) -> Task:
    """Store a new task of this owner's.

    Raises:
        UnknownContact: its contact is not there, or no longer.
    """
    task = tx.one(
        Task,
        """
        insert into tasks (workspace_id, id, title, notes, status, due_at, contact_id, email_id,
            source, owner_id, created_by, automation_run_id)
        select %(workspace_id)s, %(id)s, %(title)s, %(notes)s, %(status)s, %(due_at)s,
            %(contact_id)s, %(email_id)s, %(source)s, %(owner_id)s, %(created_by)s,
            %(automation_run_id)s
        where %(contact_id)s::uuid is null or exists (
            select from contacts
            where workspace_id = %(workspace_id)s and id = %(contact_id)s and deleted_at is null
        )
        returning id, title, notes, status, due_at, contact_id, email_id, source, owner_id,
            created_by, automation_run_id, version, created_at, updated_at
        """,
        **new.model_dump(exclude={"owner_id"}),
        id=uuid7(),
        owner_id=owner_id,
        created_by=tx.actor,
        automation_run_id=automation_run_id,
    )
    if task is None:
        raise UnknownContact
    return task


@_contact_known()
def update(tx: Tx, task: Task) -> Task | None:
    """Store a task's new values if it is still at the version given; None if it is not.

    Raises:
        UnknownContact: its contact was erased. The transaction can then only roll back.
    """
    return tx.one(
        Task,
        """
        update tasks set title = %(title)s, notes = %(notes)s, status = %(status)s,
            due_at = %(due_at)s, contact_id = %(contact_id)s, email_id = %(email_id)s,
            owner_id = %(owner_id)s, version = version + 1, updated_at = now()
        where workspace_id = %(workspace_id)s and id = %(id)s and version = %(version)s
            and deleted_at is null
        returning id, title, notes, status, due_at, contact_id, email_id, source, owner_id,
            created_by, automation_run_id, version, created_at, updated_at
        """,
        **task.model_dump(),
    )


_COLUMNS: LiteralString = (
    "id, title, notes, status, due_at, contact_id, email_id, source, owner_id, created_by,"
    " automation_run_id, version, created_at, updated_at"
)
_SET: Mapping[LiteralString, LiteralString] = MappingProxyType(
    {
        "status": "%(to_status)s",
        "due_at": "%(to_due_at)s::timestamptz",
        "owner_id": "%(to_owner_id)s::uuid",
    }
)


def edit(tx: Tx, which: Listing, given: Mapping[str, Any]) -> list[EditedTask]:
    """Give the tasks of a page that have others these values; those that had others."""
    if not given:
        return []
    values: dict[LiteralString, LiteralString] = {}
    values |= {name: value for name, value in _SET.items() if name in given}
    params = {f"to_{name}": value for name, value in given.items()}
    statement = edit_statement(which, "tasks", values, _COLUMNS)
    return tx.all(EditedTask, statement.sql, **params, **statement.params)


def delete(tx: Tx, task_id: UUID, version: int) -> int | None:
    """Mark a task deleted if it is still at this version; its new version."""
    return tx.one(
        int,
        """
        update tasks set deleted_at = now(), version = version + 1, updated_at = now()
        where workspace_id = %(workspace_id)s and id = %(id)s and version = %(version)s
            and deleted_at is null
        returning version
        """,
        id=task_id,
        version=version,
    )


@_contact_known()
def restore(tx: Tx, task_id: UUID, before: dict[str, Any], version: int) -> Task | None:
    """Make a task what it was, a row as `to_jsonb` gave it, if it is still at this version.

    Raises:
        UnknownContact: its contact was erased. The transaction can then only roll back.
    """
    return tx.one(
        Task,
        """
        update tasks t set title = b.title, notes = b.notes, status = b.status, due_at = b.due_at,
            contact_id = b.contact_id, email_id = b.email_id, source = b.source,
            owner_id = b.owner_id, deleted_at = b.deleted_at, version = t.version + 1,
            updated_at = now()
        from jsonb_populate_record(null::tasks, %(before)s) b
        where t.workspace_id = %(workspace_id)s and t.id = %(id)s and t.version = %(version)s
        returning t.id, t.title, t.notes, t.status, t.due_at, t.contact_id, t.email_id, t.source,
            t.owner_id, t.created_by, t.automation_run_id, t.version, t.created_at, t.updated_at
        """,
        id=task_id,
        before=Jsonb(before),
        version=version,
    )


def pass_on(tx: Tx, owner_id: UUID, heir_id: UUID, *, most: int) -> list[Task]:
    """Give up to `most` tasks of one owner to another; the tasks, as they are now."""
    return tx.all(
        Task,
        """
        with chosen as materialized (
            select id from tasks
            where workspace_id = %(workspace_id)s and owner_id = %(owner_id)s
                and deleted_at is null
            order by created_at desc, id desc limit %(most)s
            for no key update
        )
        update tasks t set owner_id = %(heir_id)s, version = t.version + 1, updated_at = now()
        from chosen
        where t.workspace_id = %(workspace_id)s and t.id = chosen.id
        returning t.id, t.title, t.notes, t.status, t.due_at, t.contact_id, t.email_id, t.source,
            t.owner_id, t.created_by, t.automation_run_id, t.version, t.created_at, t.updated_at
        """,
        owner_id=owner_id,
        heir_id=heir_id,
        most=most,
    )
