"""Reading of workspaces that are being deleted."""

from __future__ import annotations

from uuid import UUID

from functions.workspaces.models.deletion import WorkspaceRow
from functions.workspaces.models.workspaces import WorkspaceNotFound
from shared.db import Tx, resolve


def describe_workspace(tx: Tx) -> WorkspaceRow:
    """The transaction's workspace, and how far it is from being deleted.

    Raises:
        WorkspaceNotFound: it does not exist.
    """
    found = tx.one(
        WorkspaceRow,
        """
        select id, name, version, created_at, updated_at, deletion_asked_by, deletion_asked_at,
            purge_at
        from workspaces where id = %(workspace_id)s
        """,
    )
    if found is None:
        raise WorkspaceNotFound
    return found


def due_purges(*, most: int) -> list[UUID]:
    """Workspaces whose time has come and that nobody is at, who waits longest first."""
    return resolve(UUID, "select workspace_id from app.resolve_due_purges(%(most)s)", most=most)
