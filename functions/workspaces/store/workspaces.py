"""Writing workspaces."""

from __future__ import annotations

from functions.workspaces.models.workspaces import Workspace
from shared.db import Tx


def rename(tx: Tx, name: str, version: int) -> Workspace | None:
    """Give the workspace another name if it still is at this version."""
    return tx.one(
        Workspace,
        """
        update workspaces set name = %(name)s, version = version + 1, updated_at = now()
        where id = %(workspace_id)s and version = %(version)s
        returning id, name, version, created_at, updated_at
        """,
        name=name,
        version=version,
    )
