"""Reading operations and what they changed."""

from __future__ import annotations

from uuid import UUID

from functions.gateway.models.operations import Operation, OperationNotFound, RecordedChange
from shared.cursors import Key
from shared.db import Tx


def get_operation(tx: Tx, operation_id: UUID, *, lock: bool = False) -> Operation:
    """The operation with this id; with `lock` nobody else undoes it until the transaction ends.

    Raises:
        OperationNotFound: this workspace has none, or no longer.
    """
    if lock:
        tx.run(
            """
            select 1 from operations where workspace_id = %(workspace_id)s and id = %(id)s
            for update
            """,
            id=operation_id,
        )
    operation = tx.one(
        Operation,
        """
        select id, kind, actor, undone_by, created_at, (
            select count(*) from operation_changes c
            where c.workspace_id = o.workspace_id and c.operation_id = o.id
        )::int as records
        from operations o
        where workspace_id = %(workspace_id)s and id = %(id)s
        """,
        id=operation_id,
    )
    if operation is None:
        raise OperationNotFound
    return operation


def list_operations(tx: Tx, *, limit: int, after: Key | None = None) -> list[Operation]:
    """Operations newest first, from after `after`: up to `limit` of them."""
    at, last_id = after or (None, None)
    return tx.all(
        Operation,
        """
        select id, kind, actor, undone_by, created_at, (
            select count(*) from operation_changes c
            where c.workspace_id = o.workspace_id and c.operation_id = o.id
        )::int as records
        from operations o
        where workspace_id = %(workspace_id)s
            and (created_at, id) < (
                coalesce(%(at)s::timestamptz, 'infinity'),
                coalesce(%(last_id)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
            )
        order by created_at desc, id desc
        limit %(limit)s
        """,
        at=at,
        last_id=last_id,
        limit=limit,
    )


def changes_of(tx: Tx, operation_id: UUID) -> list[RecordedChange]:
    """What an operation changed, tasks before the contacts that they are of."""
    return tx.all(
        RecordedChange,
        """
        select object, record_id, before, version from operation_changes
        where workspace_id = %(workspace_id)s and operation_id = %(id)s
        order by object desc, record_id
        """,
        id=operation_id,
    )
