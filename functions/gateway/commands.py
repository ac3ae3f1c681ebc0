"""What can be done with operations: several changes together, and undoing them together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID

from functions.activities.commands import restore_task
from functions.contacts.commands import restore_contact
from functions.gateway import queries, store
from functions.gateway.models.operations import (
    AlreadyUndone,
    CannotUndo,
    RecordedChange,
    Undone,
)
from shared.db import Tx
from shared.errors import FieldError, HasteError
from shared.operations import begin_operation


class Restore(Protocol):
    """Makes a record at `version` what it was before; raises a HasteError where it cannot."""

    def __call__(
        self, tx: Tx, record_id: UUID, before: dict[str, Any] | None, /, *, version: int
    ) -> None: ...


RESTORE: Mapping[str, Restore] = {"contacts": restore_contact, "tasks": restore_task}
"""How to undo a change, by the object that the database records it under. Of what is not among them
it records that it changed, and undoing that is refused.
"""


def undo_operation(tx: Tx, operation_id: UUID) -> Undone:
    """Make every record that an operation changed what it was before, or change nothing.

    Records that were changed since are conflicts, so nothing that anybody did later is lost.

    Raises:
        OperationNotFound: there is no such operation.
        AlreadyUndone: it was undone before.
        CannotUndo: not everything can be restored; its errors name each record and why.
    """
    operation = queries.get_operation(tx, operation_id, lock=True)
    if operation.undone_by is not None:
        raise AlreadyUndone(existing_id=str(operation.undone_by))
    changes = queries.changes_of(tx, operation_id)
    undoing = begin_operation(tx, "undo")
    conflicts = _restore_all(tx, changes)
    if conflicts:
        raise CannotUndo(errors=tuple(conflicts))
    store.mark_undone(tx, operation_id, by=undoing)
    return Undone(operation_id=undoing, restored=len(changes))


def _restore_all(tx: Tx, changes: list[RecordedChange]) -> list[FieldError]:
    """Restore records; why not, for those that cannot be. Some have to wait for others, as a
    contact whose address another one has by the operation: they are tried as long as that helps.
    """
    waiting = sorted(changes, key=lambda one: one.before is not None)  # the created go first
    while True:
        refused = [(one, why) for one in waiting if (why := _restored(tx, one)) is not None]
        if not refused or len(refused) == len(waiting):
            return [why for _, why in refused]
        waiting = [one for one, _ in refused]


def _restored(tx: Tx, change: RecordedChange) -> FieldError | None:
    """Restore a record; why not, where that is refused."""
    at = f"/{change.object}/{change.record_id}"
    if change.before is not None and change.before.get("erased") is True:
        return FieldError(at, "its data was erased at a person's request", "erased")
    restore = RESTORE.get(change.object)
    if restore is None:
        return FieldError(at, "changes of these cannot be undone", "not_undoable")
    try:
        with tx.savepoint():
            restore(tx, change.record_id, change.before, version=change.version)
    except HasteError as error:
        return FieldError(at, error.detail, error.code)
    return None
