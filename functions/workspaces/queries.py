"""Reading workspaces."""

from __future__ import annotations

from functions.workspaces.models import Workspace, WorkspaceNotFound
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
