"""Operations: changes that were made together, so that they can be undone together.

What belongs to one is recorded by the database, with each change; code that changes rows does not
know of it. `POST /api/v1/operations/{id}/undo` restores it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal
from uuid import UUID

from shared.db import Tx
from shared.ids import uuid7

Kind = Literal["batch", "bulk_edit", "undo"]


def begin_operation(tx: Tx, kind: Kind) -> UUID:
    """From now until `tx` ends, what it changes belongs to a new operation; its id."""
    operation_id = uuid7()
    _insert(tx, operation_id, kind)
    _mark(tx, operation_id)
    return operation_id


def as_operation(tx: Tx, kind: Kind, change: Callable[[], int]) -> tuple[UUID | None, int]:
    """Make a change that says how many records it changed, as the last of its transaction. The new
    operation that it belongs to, and how many: where there were none, there is no operation.
    """
    operation_id = uuid7()
    _mark(tx, operation_id)
    changed = change()
    if not changed:
        return None, 0
    _insert(tx, operation_id, kind)
    return operation_id, changed


def _mark(tx: Tx, operation_id: UUID) -> None:
    tx.run("select app.begin_operation(%(id)s)", id=operation_id)


def _insert(tx: Tx, operation_id: UUID, kind: Kind) -> None:
    tx.run(
        """
        insert into operations (workspace_id, id, kind, actor)
        values (%(workspace_id)s, %(id)s, %(kind)s, %(actor)s)
        """,
        id=operation_id,
        kind=kind,
        actor=tx.actor,
    )
