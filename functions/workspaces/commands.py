"""What can be done with workspaces."""

from __future__ import annotations

from uuid import UUID

from functions.workspaces import queries
from functions.workspaces.models import NewWorkspace, Workspace
from shared.db import Tx
from shared.ids import uuid7
from shared.tenancy import open_workspace


def create_workspace(tx: Tx, new: NewWorkspace, *, owner_id: UUID) -> Workspace:
    """Create a workspace beside the one that `tx` is of."""
    with tx.opening(uuid7()) as inside:
        open_workspace(inside, new.name, owner_id)
        return queries.current_workspace(inside)
