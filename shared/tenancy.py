"""Opening a workspace and closing it, joining one uninvited and leaving: what several capabilities
do alike.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from events.workspaces import (
    MemberJoined,
    MemberLeft,
    WorkspaceCreated,
    WorkspaceDeletionRequested,
)
from shared.db import Tx


class Closed(NamedTuple):
    """A workspace that is closing from now on: who asked for that and when, and when it ends."""

    version: int
    asked_by: UUID
    asked_at: datetime
    purge_at: datetime


def open_workspace(tx: Tx, name: str, owner_id: UUID) -> None:
    """Create the workspace `tx` was opened for, with its owner and its empty change feed.

    The transaction is opened for an id just made: row-level security lets nobody write into another
    workspace, so a new one is written from inside.
    """
    tx.run(
        "insert into workspaces (id, name) values (%(workspace_id)s, %(name)s)",
        name=name,
    )
    tx.run(
        """
        insert into memberships (workspace_id, user_id, role)
        values (%(workspace_id)s, %(user_id)s, 'owner')
        """,
        user_id=owner_id,
    )
    tx.run("insert into feed (workspace_id) values (%(workspace_id)s)")
    tx.emit(
        WorkspaceCreated(
            **tx.envelope(tx.workspace_id),
            name=name,
            owner_id=owner_id,
        )
    )


def join_workspace(tx: Tx, person_id: UUID, role: Literal["admin", "member", "viewer"]) -> None:
    """Make somebody who never was one a member of the transaction's workspace, by nobody's
    invitation: because of how they signed in.
    """
    tx.run(
        """
        insert into memberships (workspace_id, user_id, role)
        values (%(workspace_id)s, %(user_id)s, %(role)s)
        """,
        user_id=person_id,
        role=role,
    )
    tx.emit(MemberJoined(**tx.envelope(person_id), role=role, invited_by=None))


def close_workspace(tx: Tx, asked_by: UUID, *, grace_s: int) -> Closed | None:
    """Have the transaction's workspace deleted in `grace_s` seconds: until then it can be restored,
    and takes no changes. None where that was asked for before.
    """
    closed = tx.one(
        Closed,
        """
        update workspaces set deletion_asked_by = %(asked_by)s, deletion_asked_at = now(),
            purge_at = now() + make_interval(secs => %(grace_s)s),
            version = version + 1, updated_at = now()
        where id = %(workspace_id)s and purge_at is null
        returning version, deletion_asked_by as asked_by, deletion_asked_at as asked_at, purge_at
        """,
        asked_by=asked_by,
        grace_s=grace_s,
    )
    if closed is not None:
        envelope = tx.envelope(tx.workspace_id, closed.version)
        tx.emit(WorkspaceDeletionRequested(**envelope, purge_at=closed.purge_at))
    return closed


def hold_members(tx: Tx) -> None:
    """Let nobody else change this workspace's members, roles, teams or invitations until the
    transaction ends: what is read from here on stays true, such as who else is an owner.
    """
    tx.run("select 1 from workspaces where id = %(workspace_id)s for no key update")


def has_another_owner(tx: Tx, member_id: UUID) -> bool:
    """Whether anybody else is an owner."""
    found = tx.one(
        int,
        """
        select 1 from memberships
        where workspace_id = %(workspace_id)s and role = 'owner' and ended_at is null
            and user_id <> %(user_id)s
        limit 1
        """,
        user_id=member_id,
    )
    return found is not None


def end_membership(tx: Tx, member_id: UUID, *, reassign_to: UUID | None = None) -> bool:
    """End a membership, and take its person out of their teams; whether there was one. What they
    own passes to `reassign_to`, soon after; else it stays theirs.
    """
    version = _end_membership(tx, member_id)
    if version is not None:
        tx.emit(MemberLeft(**tx.envelope(member_id, version), reassign_to=reassign_to))
    return version is not None


def _end_membership(tx: Tx, member_id: UUID) -> int | None:
    return tx.one(
        int,
        """
        with gone as (
            delete from team_members
            where workspace_id = %(workspace_id)s and user_id = %(user_id)s
        )
        update memberships set ended_at = now(), version = version + 1, updated_at = now()
        where workspace_id = %(workspace_id)s and user_id = %(user_id)s and ended_at is null
        returning version
        """,
        user_id=member_id,
    )
