"""Reading API keys."""

from __future__ import annotations

from typing import LiteralString
from uuid import UUID

from functions.auth.models.api_keys import Key, KeyNotFound, StoredKey
from shared.cursors import Key as Place
from shared.db import Tx

_ALL: LiteralString = """
    select id, workspace_id, user_id, name, grants, rate_limit_per_s, expires_at, last_used_at,
        last_used_from, revoked_at, version, created_at, updated_at
    from api_keys
    where workspace_id = %(workspace_id)s
"""


def get_key(tx: Tx, key_id: UUID) -> Key:
    """A key that the caller may see, revoked or not.

    Raises:
        KeyNotFound: there is none with this id.
    """
    key = tx.one(Key, _ALL + " and id = %(id)s", id=key_id)
    if key is None:
        raise KeyNotFound
    return key


def list_keys(
    tx: Tx, *, user_id: UUID | None, revoked: bool, limit: int, after: Place | None = None
) -> list[Key]:
    """Keys newest first, from after `after`: up to `limit` of them, those of one member where
    `user_id` names one, and either those that are revoked or the others.
    """
    at, last_id = after or (None, None)
    query: LiteralString = """
            and (%(user_id)s::uuid is null or user_id = %(user_id)s)
            and (revoked_at is not null) = %(revoked)s
            and (%(at)s::timestamptz is null or (created_at, id) < (%(at)s, %(last_id)s::uuid))
        order by created_at desc, id desc
        limit %(limit)s
    """
    return tx.all(
        Key, _ALL + query, user_id=user_id, revoked=revoked, at=at, last_id=last_id, limit=limit
    )


def find_usable_key(tx: Tx, key_id: UUID) -> StoredKey | None:
    """The key, if it is neither revoked nor expired and its maker has been a member all the time:
    who comes back has no keys from before. A workspace that is to be deleted has none.
    """
    return tx.one(
        StoredKey,
        """
        select k.user_id, k.hash, k.grants, k.rate_limit_per_s, k.expires_at, m.role,
            r.grants as role_grants,
            k.last_used_at is null or k.last_used_at < now() - interval '1 minute' as unused
        from api_keys k
        join memberships m on m.workspace_id = k.workspace_id and m.user_id = k.user_id
            and m.ended_at is null and (m.rejoined_at is null or m.rejoined_at <= k.created_at)
        left join roles r on r.workspace_id = m.workspace_id and r.id = m.role_id
        where k.workspace_id = %(workspace_id)s and k.id = %(id)s
            and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())
            and not app.is_closing(k.workspace_id)
        """,
        id=key_id,
    )


def is_over(tx: Tx, session_id: UUID) -> bool:
    """Whether a sign-in has ended, which authorizers may not have heard of yet."""
    query = """
        select exists (select from sessions where workspace_id = %(workspace_id)s
            and id = %(id)s and (revoked_at is not null or expires_at <= now()))
    """
    return tx.one(bool, query, id=session_id) is True
