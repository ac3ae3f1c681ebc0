"""What can be done with workspaces."""

from __future__ import annotations

from uuid import UUID

from events.workspaces import WorkspaceChanged
from functions.workspaces.models.workspaces import (
    NewWorkspace,
    Workspace,
    WorkspaceChange,
    WorkspaceNotFound,
)
from functions.workspaces.queries.workspaces import current_workspace
from functions.workspaces.store import workspaces as store
from shared.db import Tx
from shared.errors import PreconditionFailed
from shared.ids import uuid7
from shared.tenancy import open_workspace


def create_workspace(tx: Tx, new: NewWorkspace, *, owner_id: UUID) -> Workspace:
    """Create a workspace beside the one that `tx` is of."""
    with tx.opening(uuid7()) as inside:
        open_workspace(inside, new.name, owner_id)
        return current_workspace(inside)


def change_workspace(tx: Tx, change: WorkspaceChange, *, version: int | None = None) -> Workspace:
    """Give the transaction's workspace another name; the name it has is no change.

    Raises:
        PreconditionFailed: it is no longer at `version`.
    """
    current = current_workspace(tx)
    if version is not None and current.version != version:
        raise PreconditionFailed
    if current.name == change.name:
        return current
    renamed = store.rename(tx, change.name, current.version)
    if renamed is None:
        raise PreconditionFailed
    tx.emit(WorkspaceChanged(**tx.envelope(renamed.id, renamed.version), name=renamed.name))
    return renamed


def change_by_id(
    tx: Tx, workspace_id: UUID, change: WorkspaceChange, *, version: int | None = None
) -> Workspace:
    """The same for who names the workspace.

    Raises:
        WorkspaceNotFound: it is not the transaction's.
        PreconditionFailed: it is no longer at `version`.
    """
    if workspace_id != tx.workspace_id:
        raise WorkspaceNotFound
    return change_workspace(tx, change, version=version)
