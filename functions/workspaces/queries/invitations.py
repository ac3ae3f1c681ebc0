"""Reading invitations."""

from __future__ import annotations

from datetime import datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from functions.workspaces.models.invitations import Invitation, InvitationNotFound, Presented
from shared.cursors import Key
from shared.db import Tx, resolve

_SHOWN: LiteralString = """
    id, email, role, role_id, invited_by, expires_at, mail_state as mail, version, created_at,
    updated_at
"""
_OPEN: LiteralString = (
    "select "  # noqa: S608 -- literals
    + _SHOWN
    + """
    from invitations
    where workspace_id = %(workspace_id)s and accepted_at is null and revoked_at is null
"""
)


class InvitationRef(NamedTuple):
    """An invitation, before its workspace is known."""

    workspace_id: UUID
    invitation_id: UUID


class Made(NamedTuple):
    """How many invitations are open, and how many were made in the last 24 hours."""

    open: int
    today: int


def get_invitation(tx: Tx, invitation_id: UUID) -> Invitation:
    """An open invitation.

    Raises:
        InvitationNotFound: there is none with this id.
    """
    invitation = tx.one(Invitation, _OPEN + " and id = %(id)s", id=invitation_id)
    if invitation is None:
        raise InvitationNotFound
    return invitation


def find_open(tx: Tx, email: str) -> Invitation | None:
    """The open invitation of an address, in its normalised form."""
    return tx.one(Invitation, _OPEN + " and email = %(email)s", email=email)


def list_invitations(tx: Tx, *, limit: int, after: Key | None = None) -> list[Invitation]:
    """Open invitations newest first, from after `after`: up to `limit` of them."""
    at, last_id = after or (None, None)
    query: LiteralString = """
            and (created_at, id) < (
                coalesce(%(at)s::timestamptz, 'infinity'),
                coalesce(%(last_id)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
            )
        order by created_at desc, id desc
        limit %(limit)s
    """
    return tx.all(Invitation, _OPEN + query, at=at, last_id=last_id, limit=limit)


def count_made(tx: Tx) -> Made:
    """How many there are."""
    found = tx.one(
        Made,
        """
        select
            (select count(*) from invitations where workspace_id = %(workspace_id)s
                and accepted_at is null and revoked_at is null) as open,
            (select count(*) from invitations where workspace_id = %(workspace_id)s
                and created_at > now() - interval '24 hours') as today
        """,
    )
    assert found is not None
    return found


def find_presented(tx: Tx, invitation_id: UUID, token_hash: bytes) -> Presented | None:
    """The invitation that a token is of, for the transaction's person; locked until it ends."""
    return tx.one(
        Presented,
        """
        select i.id, i.role, i.role_id, i.invited_by, i.accepted_by, i.email, i.version,
            u.email as their_email,
            i.accepted_at is null and i.revoked_at is null and i.expires_at > now() as alive
        from invitations i cross join users u
        where i.workspace_id = %(workspace_id)s and i.id = %(id)s
            and %(hash)s = any (i.token_hashes) and u.id = %(user_id)s
        for update of i
        """,
        id=invitation_id,
        hash=token_hash,
        user_id=tx.user_id,
    )


def due_invitations(before: datetime, *, most: int) -> list[InvitationRef]:
    """Invitations of any workspace whose mail was due before that, the oldest first."""
    return resolve(
        InvitationRef,
        """
        select workspace_id, invitation_id from app.resolve_due_invitations(%(before)s, %(most)s)
        """,
        before=before,
        most=most,
    )
