"""Deletes a workspace for good, once its time has come.

First what is in the bucket, then rows, table by table, last the data key with the workspace itself.
Each portion is a transaction of its own and is counted in it, so that it may end anywhere and go on
from there; doing any of it again does no harm. Gmail is not told: nobody renews the watches of a
workspace that is closing, so they end within the seven days that they live, and what they tell
until then finds no mailbox.
https://developers.google.com/workspace/gmail/api/guides/push
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from uuid import UUID

from functions.workspaces.objects import delete_objects
from functions.workspaces.store import deletion as store
from shared.db import Tx, transaction
from shared.log import logger, metrics

ACTOR = "system:workspaces"
_AT_ONCE = 1000


def purge(workspace_id: UUID, *, until: float) -> bool:
    """Delete a workspace, or as much of it as there is time for, by `time.monotonic`; whether it is
    gone. Nothing happens where somebody else is at it, or it is not to be deleted now.
    """
    with _changing(workspace_id) as tx:
        if not store.take_purge(tx):
            return False
    while time.monotonic() < until:
        if _purge_objects(workspace_id, until) and _purge_rows(workspace_id, until):
            with _changing(workspace_id) as tx:
                gone = store.finish_purge(tx)
            if gone:
                metrics.add_metric(name="WorkspacePurged", unit="Count", value=1)
                logger.info("a workspace is deleted", workspace_id=str(workspace_id))
                return True
    with _changing(workspace_id) as tx:
        store.leave_purge(tx)
    return False


def _purge_objects(workspace_id: UUID, until: float) -> bool:
    """Delete what is in the bucket; whether all is gone. Mails on their way when the workspace was
    closed may have come late, so it is looked at before the end, too.
    """
    for number in delete_objects(workspace_id):
        with _changing(workspace_id) as tx:
            store.count_purged(tx, "objects", "objects", number)
        if time.monotonic() >= until:
            return False
    return True


def _purge_rows(workspace_id: UUID, until: float) -> bool:
    while time.monotonic() < until:
        with _changing(workspace_id) as tx:
            portion = store.purge_rows(tx, most=_AT_ONCE)
            if portion.name is None:
                return True
            store.count_purged(tx, "rows", portion.name, portion.deleted or 0)
    return False


def _changing(workspace_id: UUID) -> AbstractContextManager[Tx]:
    return transaction(workspace_id, actor=ACTOR, even_closing=True)
