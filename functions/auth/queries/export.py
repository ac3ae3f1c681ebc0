"""Reading what is held about an account, for its person. Secrets and hashes are not read."""

from __future__ import annotations

from uuid import UUID

from functions.auth.models.export import (
    MOST_EVENTS,
    ExportedFactor,
    ExportedIdentity,
    ExportedKey,
    ExportedMail,
    ExportedProfile,
    ExportedSession,
    Joined,
    SecurityEvent,
)
from shared.db import Tx


def find_profile(tx: Tx, user_id: UUID) -> ExportedProfile | None:
    """The account; None where it is erased."""
    return tx.one(
        ExportedProfile,
        """
        select id, email, name, email_verified_at, created_at, updated_at
        from users where id = %(id)s and erased_at is null
        """,
        id=user_id,
    )


def find_factor(tx: Tx, user_id: UUID) -> ExportedFactor | None:
    """The second factor, confirmed or not."""
    return tx.one(
        ExportedFactor,
        """
        select created_at, confirmed_at, (
            select count(*)::int from recovery_codes c where c.user_id = f.user_id
        ) as recovery_codes_left
        from totp_factors f where user_id = %(id)s
        """,
        id=user_id,
    )


def list_identities(tx: Tx, user_id: UUID) -> list[ExportedIdentity]:
    """Accounts elsewhere that are good everywhere."""
    return tx.all(
        ExportedIdentity,
        """
        select issuer, subject, created_at from external_identities
        where user_id = %(id)s order by created_at
        """,
        id=user_id,
    )


def list_mails(tx: Tx, user_id: UUID) -> list[ExportedMail]:
    """The mails of the last 30 days; older ones are deleted."""
    return tx.all(
        ExportedMail,
        """
        select purpose, state, created_at, sent_at from account_mails
        where user_id = %(id)s order by created_at
        """,
        id=user_id,
    )


def find_joined(tx: Tx) -> Joined | None:
    """The person's membership of the transaction's workspace, which may have ended."""
    return tx.one(
        Joined,
        """
        select w.name as workspace_name, m.role, m.created_at as joined_at, m.ended_at
        from memberships m join workspaces w on w.id = m.workspace_id
        where m.workspace_id = %(workspace_id)s and m.user_id = %(user_id)s
        """,
        user_id=tx.user_id,
    )


def list_sessions(tx: Tx) -> list[ExportedSession]:
    """The person's sign-ins here, those that are over as well, until they are deleted."""
    return tx.all(
        ExportedSession,
        """
        select id, method, created_at, signed_in_at, last_used_at, expires_at, revoked_at, address,
            user_agent
        from sessions
        where workspace_id = %(workspace_id)s and user_id = %(user_id)s
        order by created_at desc, id desc
        """,
        user_id=tx.user_id,
    )


def list_keys(tx: Tx) -> list[ExportedKey]:
    """The person's API keys here."""
    return tx.all(
        ExportedKey,
        """
        select id, name, grants, created_at, expires_at, revoked_at, last_used_at, last_used_from
        from api_keys
        where workspace_id = %(workspace_id)s and user_id = %(user_id)s
        order by created_at desc, id desc
        """,
        user_id=tx.user_id,
    )


def list_sso_identities(tx: Tx) -> list[ExportedIdentity]:
    """Who the person is to the workspace's own provider."""
    return tx.all(
        ExportedIdentity,
        """
        select issuer, subject, created_at from sso_identities
        where workspace_id = %(workspace_id)s and user_id = %(user_id)s order by created_at
        """,
        user_id=tx.user_id,
    )


def list_security_events(tx: Tx) -> list[SecurityEvent]:
    """What the workspace's audit log has by the person, or about them as a person; the database
    shows nothing else of it.
    """
    return tx.all(
        SecurityEvent,
        """
        select at, action, object_type, object_id, source_ip, user_agent, request_id from (
            (select id, at, action, object_type, object_id, source_ip, user_agent, request_id
            from audit_log
            where workspace_id = %(workspace_id)s and actor = %(actor)s
            order by id desc limit %(most)s)
            union
            (select id, at, action, object_type, object_id, source_ip, user_agent, request_id
            from audit_log
            where workspace_id = %(workspace_id)s and object_id = %(user_id)s
            order by id desc limit %(most)s)
        ) as found
        order by id desc limit %(most)s
        """,
        actor=f"user:{tx.user_id}",
        user_id=tx.user_id,
        most=MOST_EVENTS,
    )
