"""Writing API keys."""

from __future__ import annotations

from typing import LiteralString
from uuid import UUID

from functions.auth.models.api_keys import Key, NewKey
from shared.access import Access
from shared.db import Tx

_SHOWN: LiteralString = """
    id, workspace_id, user_id, name, grants, rate_limit_per_s, expires_at, last_used_at,
    last_used_from, revoked_at, version, created_at, updated_at
"""


def hold_member(tx: Tx, user_id: UUID) -> None:
    """Lock somebody's membership until the transaction ends: of two who make keys for them, or make
    one and end them all, the second sees what the first has done.
    """
    tx.run(
        """
        select 1 from memberships
        where workspace_id = %(workspace_id)s and user_id = %(user_id)s for no key update
        """,
        user_id=user_id,
    )


def insert_key(
    tx: Tx, key_id: UUID, new: NewKey, access: Access, key_hash: bytes, *, most: int
) -> Key | None:
    """Store a key of the caller's, who is held (`hold_member`); None where they have `most`."""
    query: LiteralString = """
        insert into api_keys (workspace_id, id, user_id, name, hash, grants, rate_limit_per_s,
            expires_at)
        select %(workspace_id)s, %(id)s, %(user_id)s, %(name)s, %(hash)s, %(grants)s,
            %(rate_limit_per_s)s, %(expires_at)s
        where %(most)s > (select count(*) from api_keys where workspace_id = %(workspace_id)s
            and user_id = %(user_id)s and revoked_at is null)
        returning
    """
    return tx.one(
        Key,
        query + _SHOWN,
        id=key_id,
        user_id=tx.user_id,
        name=new.name,
        hash=key_hash,
        grants=list(access.grants()),
        rate_limit_per_s=new.rate_limit_per_s,
        expires_at=new.expires_at,
        most=most,
    )


def rename_key(tx: Tx, key_id: UUID, name: str, version: int) -> Key | None:
    """Give a key another name if it still is at this version."""
    query: LiteralString = """
        update api_keys set name = %(name)s, version = version + 1, updated_at = now()
        where workspace_id = %(workspace_id)s and id = %(id)s and version = %(version)s
            and revoked_at is null
        returning
    """
    return tx.one(Key, query + _SHOWN, id=key_id, name=name, version=version)


def revoke_key(tx: Tx, key_id: UUID) -> Key | None:
    """Revoke a key for good, if that has not been done."""
    query: LiteralString = """
        update api_keys set revoked_at = now(), version = version + 1, updated_at = now()
        where workspace_id = %(workspace_id)s and id = %(id)s and revoked_at is null
        returning
    """
    return tx.one(Key, query + _SHOWN, id=key_id)


def revoke_all(tx: Tx, user_id: UUID) -> list[Key]:
    """Revoke all keys of a member's, who is held, for good; those that were not revoked before."""
    query: LiteralString = """
        update api_keys set revoked_at = now(), version = version + 1, updated_at = now()
        where workspace_id = %(workspace_id)s and user_id = %(user_id)s and revoked_at is null
        returning
    """
    return tx.all(Key, query + _SHOWN, user_id=user_id)


def note_use(tx: Tx, key_id: UUID, source_ip: str | None) -> None:
    """Note that a key was used now. Where somebody else is just changing the row, that is left:
    nobody who wants to get in waits for it.
    """
    tx.run(
        """
        update api_keys set last_used_at = now(), last_used_from = %(source_ip)s
        where workspace_id = %(workspace_id)s and id = (
            select id from api_keys
            where workspace_id = %(workspace_id)s and id = %(id)s for no key update skip locked)
        """,
        id=key_id,
        source_ip=source_ip,
    )
