"""Writing sessions and their refresh tokens."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from functions.auth.models.sessions import Client, Ended, Method, Presented, Reason
from shared.db import Tx

RACE_S = 10
"""For how long a token that was used may come again from the same client without harm."""


def insert_session(
    tx: Tx,
    session_id: UUID,
    user_id: UUID,
    token_hash: bytes,
    *,
    method: Method,
    client: Client,
    signed_in_at: datetime | None,
    idle_s: int,
    longest_s: int,
) -> datetime:
    """Store a session with its first refresh token; when it ends, unless it is refreshed."""
    expires_at = tx.one(
        datetime,
        """
        with stored as (
            insert into sessions (workspace_id, id, user_id, method, signed_in_at, address,
                user_agent, expires_at)
            select %(workspace_id)s, %(id)s, %(user_id)s, %(method)s, at, %(address)s,
                %(user_agent)s, least(now() + make_interval(secs => %(idle_s)s),
                    at + make_interval(secs => %(longest_s)s))
            from (select coalesce(%(signed_in_at)s::timestamptz, now())) as began (at)
            returning expires_at
        ), token as (
            insert into refresh_tokens (workspace_id, hash, session_id)
            values (%(workspace_id)s, %(hash)s, %(id)s)
        )
        select expires_at from stored
        """,
        id=session_id,
        user_id=user_id,
        hash=token_hash,
        method=method,
        signed_in_at=signed_in_at,
        address=client.address,
        user_agent=client.user_agent,
        idle_s=idle_s,
        longest_s=longest_s,
    )
    assert expires_at is not None
    return expires_at


def lock_token(tx: Tx, token_hash: bytes, client: Client, *, longest_s: int) -> Presented | None:
    """The refresh token with this hash and its session, locked until the transaction ends: of two
    requests with one token, the second sees what the first has done.
    """
    return tx.one(
        Presented,
        """
        select s.id as session_id, s.user_id, s.method, s.signed_in_at,
            s.revoked_at is null and s.expires_at > now()
                and s.signed_in_at > now() - make_interval(secs => %(longest_s)s) as alive,
            t.used_at is not null as used,
            coalesce(t.used_at = s.last_used_at
                and t.used_at > now() - make_interval(secs => %(race_s)s), false)
                and s.user_agent is not distinct from %(user_agent)s as raced
        from refresh_tokens t
        join sessions s on s.workspace_id = t.workspace_id and s.id = t.session_id
        where t.workspace_id = %(workspace_id)s and t.hash = %(hash)s
        for update of t, s
        """,
        hash=token_hash,
        user_agent=client.user_agent,
        longest_s=longest_s,
        race_s=RACE_S,
    )


def hold_person(tx: Tx, token_hash: bytes) -> None:
    """Keep the account of a refresh token's person as it is until the transaction ends; whoever
    changes it, and with it ends their sessions, comes before or after.
    """
    tx.run(
        """
        select 1 from refresh_tokens t
        join sessions s on s.workspace_id = t.workspace_id and s.id = t.session_id
        join users u on u.id = s.user_id
        where t.workspace_id = %(workspace_id)s and t.hash = %(hash)s
        for share of u
        """,
        hash=token_hash,
    )


def replace_token(
    tx: Tx,
    session_id: UUID,
    old_hash: bytes,
    new_hash: bytes,
    *,
    client: Client,
    idle_s: int,
    longest_s: int,
) -> datetime:
    """Mark a locked token as used and store the next one; when the session ends now."""
    expires_at = tx.one(
        datetime,
        """
        with used as (
            update refresh_tokens set used_at = now()
            where workspace_id = %(workspace_id)s and hash = %(old_hash)s
        ), token as (
            insert into refresh_tokens (workspace_id, hash, session_id)
            values (%(workspace_id)s, %(new_hash)s, %(id)s)
        )
        update sessions set last_used_at = now(), address = %(address)s,
            user_agent = %(user_agent)s,
            expires_at = least(now() + make_interval(secs => %(idle_s)s),
                signed_in_at + make_interval(secs => %(longest_s)s))
        where workspace_id = %(workspace_id)s and id = %(id)s
        returning expires_at
        """,
        id=session_id,
        old_hash=old_hash,
        new_hash=new_hash,
        address=client.address,
        user_agent=client.user_agent,
        idle_s=idle_s,
        longest_s=longest_s,
    )
    assert expires_at is not None
    return expires_at


def use_token(tx: Tx, session_id: UUID, token_hash: bytes) -> None:
    """Mark a locked token as used, where no other follows it in its session."""
    tx.run(
        """
        with used as (
            update refresh_tokens set used_at = now()
            where workspace_id = %(workspace_id)s and hash = %(hash)s
        )
        update sessions set last_used_at = now()
        where workspace_id = %(workspace_id)s and id = %(id)s
        """,
        id=session_id,
        hash=token_hash,
    )


def revoke_session(tx: Tx, session_id: UUID, user_id: UUID, reason: Reason) -> Ended | None:
    """End a session of a person's; None where they have none with this id that is not over."""
    return tx.one(
        Ended,
        """
        update sessions set revoked_at = now(), expires_at = now(), revoked_reason = %(reason)s,
            version = version + 1
        where workspace_id = %(workspace_id)s and id = %(id)s and user_id = %(user_id)s
            and revoked_at is null and expires_at > now()
        returning id, user_id, version
        """,
        id=session_id,
        user_id=user_id,
        reason=reason,
    )


def revoke_sessions(tx: Tx, user_id: UUID, reason: Reason, *, besides: UUID | None) -> list[Ended]:
    """End a person's sessions in this workspace, all but one where `besides` names it."""
    return tx.all(
        Ended,
        """
        update sessions set revoked_at = now(), expires_at = now(), revoked_reason = %(reason)s,
            version = version + 1
        where workspace_id = %(workspace_id)s and user_id = %(user_id)s
            and revoked_at is null and expires_at > now()
            and id is distinct from %(besides)s::uuid
        returning id, user_id, version
        """,
        user_id=user_id,
        reason=reason,
        besides=besides,
    )


def delete_session(tx: Tx, session_id: UUID) -> int:
    """Delete a session and its tokens."""
    return tx.run(
        "delete from sessions where workspace_id = %(workspace_id)s and id = %(id)s", id=session_id
    )
