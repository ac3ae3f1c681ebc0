"""What can be done with workspaces."""

from __future__ import annotations

from uuid import UUID

from functions.workspaces import queries
from functions.workspaces.models import NewWorkspace, Workspace
from shared.db import transaction
from shared.ids import uuid7
from shared.tenancy import open_workspace


def create_workspace(new: NewWorkspace, *, owner_id: UUID) -> Workspace:
    """Create a workspace, in a transaction of its own: the caller's is of another workspace."""
    with transaction(uuid7(), user_id=owner_id) as tx:
        open_workspace(tx, new.name, owner_id)
        return queries.current_workspace(tx)
