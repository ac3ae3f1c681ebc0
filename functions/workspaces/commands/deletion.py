"""Deleting a workspace, as far as somebody asks for it: what is deleted then, `purging.py` does."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from events.workspaces import WorkspaceRestored
from functions.workspaces.models.deletion import (
    CurrentWorkspace,
    Deletion,
    NotClosing,
    NotItsName,
    TooLate,
)
from functions.workspaces.queries.deletion import describe_workspace
from functions.workspaces.store import deletion as store
from shared.db import Tx
from shared.errors import WorkspaceClosing
from shared.tenancy import close_workspace

_ON_THEIR_WAY = timedelta(days=1)
"""How long before a workspace closed its events may have been on their way to a consumer, as queues
may have been behind. Consumers know what they have seen, so this costs their time and nothing else.
"""


def request_deletion(
    tx: Tx, confirm: str | None, *, asked_by: UUID, grace_s: int, at: str
) -> Deletion:
    """Have the workspace deleted in `grace_s` seconds. From the commit on it takes no changes.

    Raises:
        NotItsName: `confirm`, which was said at the JSON pointer `at`, is another name.
        WorkspaceClosing: it is to be deleted already.
    """
    if confirm != describe_workspace(tx).name:
        raise NotItsName(at)
    closed = close_workspace(tx, asked_by, grace_s=grace_s)
    if closed is None:
        raise WorkspaceClosing
    return Deletion(requested_by=closed.asked_by, at=closed.asked_at, purge_at=closed.purge_at)


def restore(tx: Tx) -> CurrentWorkspace:
    """Take back that the workspace is to be deleted. What it was told while it was closing its
    consumers are told again. For a transaction that changes it even so.

    Raises:
        NotClosing: it is not to be deleted.
        TooLate: its time has come.
    """
    before = describe_workspace(tx)
    if before.deletion is None:
        raise NotClosing
    workspace = store.reopen(tx)
    if workspace is None:
        raise TooLate
    store.publish_again(tx, before.deletion.at - _ON_THEIR_WAY)
    tx.emit(WorkspaceRestored(**tx.envelope(workspace.id, workspace.version)))
    return CurrentWorkspace(**workspace.model_dump(), deletion=None)
