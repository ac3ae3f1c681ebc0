"""Writing of workspaces that are being deleted: the way back, and each portion of what is deleted
for good. Postgres lets that happen to the transaction's workspace alone, when its time has come.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from functions.workspaces.models.workspaces import Workspace
from shared.db import Tx

LEASE_S = 120
"""For how long nobody else begins where somebody is at it; each portion renews it."""


class Portion(NamedTuple):
    """Rows of one table that were deleted; no name: there are none left in any."""

    name: str | None
    deleted: int | None


def reopen(tx: Tx) -> Workspace | None:
    """Take back that the workspace is to be deleted; None once its time has come. By the clock, not
    by the transaction's beginning: it may have waited for whoever deletes.
    """
    return tx.one(
        Workspace,
        """
        update workspaces set deletion_asked_by = null, deletion_asked_at = null, purge_at = null,
            version = version + 1, updated_at = now()
        where id = %(workspace_id)s and purge_at > clock_timestamp() and purge_stage is null
            and purge_busy_until is null
        returning id, name, version, created_at, updated_at
        """,
    )


def publish_again(tx: Tx, since: datetime) -> int:
    """Have the workspace's events since then published once more; how many."""
    return tx.one(int, "select app.publish_again(%(since)s)", since=since) or 0


def take_purge(tx: Tx) -> bool:
    """Begin to delete the workspace, or go on with it; whether it is ours to do."""
    taken = tx.run(
        """
        update workspaces set purge_stage = coalesce(purge_stage, 'objects'),
            purge_busy_until = now() + make_interval(secs => %(lease_s)s)
        where id = %(workspace_id)s and purge_at <= now()
            and (purge_busy_until is null or purge_busy_until <= now())
        """,
        lease_s=LEASE_S,
    )
    return taken == 1


def leave_purge(tx: Tx) -> None:
    """Let whoever comes next go on at once."""
    tx.run("update workspaces set purge_busy_until = now() where id = %(workspace_id)s")


def count_purged(tx: Tx, stage: str, name: str, number: int) -> None:
    """Note what was deleted, and that somebody is at it."""
    tx.run(
        """
        update workspaces set purge_stage = %(stage)s,
            purge_busy_until = now() + make_interval(secs => %(lease_s)s),
            purge_counts = purge_counts || jsonb_build_object(%(name)s::text,
                coalesce((purge_counts ->> %(name)s)::bigint, 0) + %(number)s)
        where id = %(workspace_id)s
        """,
        stage=stage,
        name=name,
        number=number,
        lease_s=LEASE_S,
    )


def purge_rows(tx: Tx, *, most: int) -> Portion:
    """Delete up to `most` rows of the workspace, of the first table that has some."""
    found = tx.one(Portion, "select name, deleted from app.purge_rows(%(most)s)", most=most)
    assert found is not None
    return found


def finish_purge(tx: Tx) -> bool:
    """Delete the data key and the workspace, and write down that there was one; False where rows
    have come in between.
    """
    return bool(tx.one(bool, "select app.finish_purge()"))
