"""Writing invitations, and what becomes of their mails."""

from __future__ import annotations

from typing import LiteralString
from uuid import UUID

from functions.workspaces.models.invitations import (
    AGAIN_AFTER_S,
    LIVES_DAYS,
    Invitation,
    Mail,
    Presented,
)
from functions.workspaces.models.members import Standing
from shared.db import Tx
from shared.ids import uuid7

_SHOWN: LiteralString = """
    id, email, role, role_id, invited_by, expires_at, mail_state as mail, version, created_at,
    updated_at
"""
LEASE_S = 120
"""For how long whoever took a mail up has it alone: longer than a server may take to answer."""
_TOKENS_KEPT = 10


def insert_invitation(tx: Tx, email: str, standing: Standing, *, inviter: str) -> Invitation:
    """Store a new invitation by the transaction's person; `inviter` is their address."""
    query: LiteralString = """
        insert into invitations (workspace_id, id, email, role, role_id, invited_by, inviter,
            expires_at)
        values (%(workspace_id)s, %(id)s, %(email)s, %(role)s, %(role_id)s, %(user_id)s,
            %(inviter)s, now() + make_interval(days => %(days)s))
        returning
    """
    made = tx.one(
        Invitation,
        query + _SHOWN,
        id=uuid7(),
        email=email,
        role=standing.role,
        role_id=standing.role_id,
        user_id=tx.user_id,
        inviter=inviter,
        days=LIVES_DAYS,
    )
    assert made is not None
    return made


def renew_invitation(
    tx: Tx, invitation_id: UUID, standing: Standing, *, inviter: str
) -> Invitation | None:
    """Let an open invitation be good for as long as a new one, and mail it again; None where its
    last mail was asked for only just.
    """
    query: LiteralString = """
        update invitations set role = %(role)s, role_id = %(role_id)s, invited_by = %(user_id)s,
            inviter = %(inviter)s, expires_at = now() + make_interval(days => %(days)s),
            mail_state = 'waiting', mail_attempts = 0, mail_due_at = now(), mail_asked_at = now(),
            version = version + 1, updated_at = now()
        where workspace_id = %(workspace_id)s and id = %(id)s
            and accepted_at is null and revoked_at is null
            and mail_asked_at < now() - make_interval(secs => %(again_after_s)s)
        returning
    """
    return tx.one(
        Invitation,
        query + _SHOWN,
        id=invitation_id,
        role=standing.role,
        role_id=standing.role_id,
        user_id=tx.user_id,
        inviter=inviter,
        days=LIVES_DAYS,
        again_after_s=AGAIN_AFTER_S,
    )


def revoke_invitation(tx: Tx, invitation_id: UUID) -> int | None:
    """Let an open invitation be good no more; its new version."""
    return tx.one(
        int,
        """
        update invitations set revoked_at = now(), version = version + 1, updated_at = now()
        where workspace_id = %(workspace_id)s and id = %(id)s
            and accepted_at is null and revoked_at is null
        returning version
        """,
        id=invitation_id,
    )


def accept_invitation(tx: Tx, presented: Presented) -> None:
    """Note that the transaction's person accepted an invitation, which is locked."""
    tx.run(
        """
        update invitations set accepted_at = now(), accepted_by = %(user_id)s,
            version = version + 1, updated_at = now()
        where workspace_id = %(workspace_id)s and id = %(id)s
        """,
        id=presented.id,
        user_id=tx.user_id,
    )


def take_mail(tx: Tx, invitation_id: UUID, token_hash: bytes) -> Mail | None:
    """Take an invitation's mail up, so that nobody else does for a while, and let the token with
    this hash be good; None where it is not to be sent now.
    """
    return tx.one(
        Mail,
        """
        update invitations
        set mail_attempts = mail_attempts + 1,
            mail_due_at = now() + make_interval(secs => %(lease_s)s),
            token_hashes = (array[%(hash)s] || token_hashes)[1:%(kept)s]
        where workspace_id = %(workspace_id)s and id = %(id)s and mail_state = 'waiting'
            and mail_due_at <= now() and accepted_at is null and revoked_at is null
            and expires_at > now()
        returning id, email, inviter, mail_attempts as attempts
        """,
        id=invitation_id,
        hash=token_hash,
        lease_s=LEASE_S,
        kept=_TOKENS_KEPT,
    )


def close_mail(tx: Tx, invitation_id: UUID, state: str) -> None:
    """Say what became of a mail: sent or failed."""
    tx.run(
        """
        update invitations set mail_state = %(state)s
        where workspace_id = %(workspace_id)s and id = %(id)s and mail_state = 'waiting'
        """,
        id=invitation_id,
        state=state,
    )


def postpone_mail(tx: Tx, invitation_id: UUID, *, wait_s: int) -> None:
    """Let a mail that was not sent wait."""
    tx.run(
        """
        update invitations set mail_due_at = now() + make_interval(secs => %(wait_s)s)
        where workspace_id = %(workspace_id)s and id = %(id)s and mail_state = 'waiting'
        """,
        id=invitation_id,
        wait_s=wait_s,
    )
