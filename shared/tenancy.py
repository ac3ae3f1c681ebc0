"""Opening a workspace: what makes a transaction's workspace exist, wherever that happens."""

from __future__ import annotations

from uuid import UUID

from events.workspaces import WorkspaceCreated
from shared.db import Tx


def open_workspace(tx: Tx, name: str, owner_id: UUID) -> None:
    """Create the workspace `tx` was opened for, with its owner and its empty change feed.

    The transaction is opened for an id just made: row-level security lets nobody write into another
    workspace, so a new one is written from inside.
    """
    tx.run(
        "insert into workspaces (id, name) values (%(workspace_id)s, %(name)s)",
        name=name,
    )
    tx.run(
        """
        insert into memberships (workspace_id, user_id, role)
        values (%(workspace_id)s, %(user_id)s, 'owner')
        """,
        user_id=owner_id,
    )
    tx.run("insert into feed (workspace_id) values (%(workspace_id)s)")
    tx.emit(
        WorkspaceCreated(
            **tx.envelope(tx.workspace_id),
            name=name,
            owner_id=owner_id,
        )
    )
