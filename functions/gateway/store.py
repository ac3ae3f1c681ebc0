"""Writing operations. What they change is recorded by the database, with each change."""

from __future__ import annotations

from uuid import UUID

from shared.db import Tx


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
