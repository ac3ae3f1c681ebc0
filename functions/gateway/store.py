"""Writing operations. What they change is recorded by the database, with each change."""

from __future__ import annotations

from uuid import UUID

from functions.gateway.models.operations import Kind
from shared.db import Tx
from shared.ids import uuid7


def begin_operation(tx: Tx, kind: Kind) -> UUID:
    """From now until `tx` ends, what it changes belongs to a new operation; its id."""
    operation_id = uuid7()
    tx.run(
        """
        insert into operations (workspace_id, id, kind, actor)
        values (%(workspace_id)s, %(id)s, %(kind)s, %(actor)s)
        """,
        id=operation_id,
        kind=kind,
        actor=tx.actor,
    )
    tx.run("select app.begin_operation(%(id)s)", id=operation_id)
    return operation_id


def mark_undone(tx: Tx, operation_id: UUID, *, by: UUID) -> None:
    """Say which operation undid this one."""
    tx.run(
        """
        update operations set undone_by = %(by)s
        where workspace_id = %(workspace_id)s and id = %(id)s
        """,
        id=operation_id,
        by=by,
    )
