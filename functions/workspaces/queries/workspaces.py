"""Reading workspaces."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from functions.workspaces.models.workspaces import Workspace, WorkspaceNotFound
from shared.db import Tx


def current_workspace(tx: Tx) -> Workspace:
    """The transaction's workspace.

    Raises:
        WorkspaceNotFound: it does not exist.
    """
    workspace = tx.one(
        Workspace,
        """
        select id, name, version, created_at, updated_at from workspaces
        where id = %(workspace_id)s
        """,
    )
    if workspace is None:
        raise WorkspaceNotFound
    return workspace


def workspaces_by_ids(tx: Tx, ids: Sequence[UUID]) -> list[Workspace]:
    """The transaction's workspace, if it is among these; there is no other to see."""
    return tx.all(
        Workspace,
        """
        select id, name, version, created_at, updated_at from workspaces
        where id = %(workspace_id)s and id = any(%(ids)s)
        """,
        ids=list(ids),
    )
