"""Reading sessions."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from functions.auth.models.sessions import ListedSession
from shared.cursors import Key
from shared.db import Tx, resolve


class SessionRef(NamedTuple):
    """A session, before its workspace is known."""

    workspace_id: UUID
    session_id: UUID


def list_sessions(
    tx: Tx, *, current: UUID, limit: int, after: Key | None = None
) -> list[ListedSession]:
    """The caller's sessions in this workspace that are not over, newest first, from after `after`:
    up to `limit` of them.
    """
    at, last_id = after or (None, None)
    return tx.all(
        ListedSession,
        """
        select id, method, created_at, last_used_at, expires_at, address, user_agent,
            id = %(current)s as current
        from sessions
        where workspace_id = %(workspace_id)s and user_id = %(user_id)s
            and revoked_at is null and expires_at > now()
            and (%(at)s::timestamptz is null or (created_at, id) < (%(at)s, %(last_id)s::uuid))
        order by created_at desc, id desc
        limit %(limit)s
        """,
        user_id=tx.user_id,
        current=current,
        at=at,
        last_id=last_id,
        limit=limit,
    )


def workspaces_with_sessions(tx: Tx, user_id: UUID) -> list[UUID]:
    """The workspaces in which a person is signed in, in a fixed order."""
    return tx.all(
        UUID,
        "select workspace_id from app.resolve_session_workspaces(%(user_id)s)",
        user_id=user_id,
    )


def guests(tx: Tx, *, after: UUID | None, most: int) -> list[UUID]:
    """People who belong to the transaction's workspace, or did, and do not own it, in order, from
    after `after`: up to `most`.
    """
    return tx.all(
        UUID,
        """
        select user_id from memberships
        where workspace_id = %(workspace_id)s and role <> 'owner'
            and (%(after)s::uuid is null or user_id > %(after)s)
        order by user_id limit %(most)s
        """,
        after=after,
        most=most,
    )


def old_sessions(before: datetime, *, most: int) -> list[SessionRef]:
    """Sessions of any workspace that were over before that, the oldest first."""
    return resolve(
        SessionRef,
        "select workspace_id, session_id from app.resolve_old_sessions(%(before)s, %(most)s)",
        before=before,
        most=most,
    )
