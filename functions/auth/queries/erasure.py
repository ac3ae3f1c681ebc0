"""Reading for the erasure of accounts."""

from __future__ import annotations

from uuid import UUID

from functions.auth.models.erasure import FRESH_S, Owned, SignedInBy
from shared.db import Tx, resolve


def find_sign_in(tx: Tx, session_id: UUID) -> SignedInBy | None:
    """How one of the caller's sessions was opened."""
    return tx.one(
        SignedInBy,
        """
        select method, signed_in_at > now() - make_interval(secs => %(fresh_s)s) as fresh
        from sessions
        where workspace_id = %(workspace_id)s and id = %(id)s and user_id = %(user_id)s
        """,
        id=session_id,
        user_id=tx.user_id,
        fresh_s=FRESH_S,
    )


def describe_here(tx: Tx) -> Owned:
    """The transaction's workspace by its name."""
    found = tx.one(
        Owned,
        "select id as workspace_id, name from workspaces where id = %(workspace_id)s",
    )
    assert found is not None
    return found


def is_owner(tx: Tx, user_id: UUID) -> bool:
    """Whether a person owns the transaction's workspace."""
    query = """
        select 1 from memberships
        where workspace_id = %(workspace_id)s and user_id = %(user_id)s and role = 'owner'
            and ended_at is null
    """
    return tx.one(int, query, user_id=user_id) is not None


def every_workspace(tx: Tx, user_id: UUID, *, after: UUID | None = None) -> list[UUID]:
    """Every workspace that a person belongs to or did, in order, from after `after`."""
    return tx.all(
        UUID,
        """
        select workspace_id from app.resolve_every_workspace(%(user_id)s)
        where %(after)s::uuid is null or workspace_id > %(after)s order by 1
        """,
        user_id=user_id,
        after=after,
    )


def open_erasures(*, most: int) -> list[UUID]:
    """People whose accounts are being erased, who waits longest first."""
    return resolve(
        UUID,
        """
        select user_id from account_erasures where finished_at is null and due_at <= now()
        order by due_at limit %(most)s
        """,
        most=most,
    )
