"""Accepting an invitation: the one thing that is done in a workspace by who does not belong to it.

The token names the workspace, and proves that the mails of an address reach whoever has it. It
counts for the account with that address alone, so that a mail that is passed on lets nobody in. It
runs as crm_auth, as signing in does: what answers people could not see the invitation.
"""

from __future__ import annotations

from uuid import UUID

from events.workspaces import InvitationAccepted, MemberJoined
from functions.workspaces.commands.invitations import standing_of
from functions.workspaces.models.invitations import (
    Acceptance,
    Accepted,
    ForAnotherAddress,
    InvalidInvitation,
    InvitationToken,
    Presented,
)
from functions.workspaces.models.members import UnknownRole
from functions.workspaces.queries.invitations import find_presented
from functions.workspaces.queries.members import find_standing
from functions.workspaces.queries.workspaces import current_workspace
from functions.workspaces.store import invitations as store
from functions.workspaces.store.members import join
from shared.access import MoreThanYours
from shared.db import Tx, transaction
from shared.errors import FieldError, WorkspaceClosing
from shared.tenancy import hold_members


def accept(user_id: UUID, given: Acceptance) -> Accepted:
    """Make a person a member of the workspace that they were invited to; again, if they left it.
    Whoever accepted once may say so again. Opens its own transaction, in that workspace.

    Raises:
        InvalidInvitation: it is no invitation, is over, was revoked, or accepted by another; or
            whoever invited them may not do so any more.
        ForAnotherAddress: it is for another account.
        WorkspaceClosing: the workspace is to be deleted.
    """
    token = InvitationToken.read(given.token.get_secret_value())
    with transaction(token.workspace_id, user_id=user_id) as tx:
        hold_members(tx)
        presented = find_presented(tx, token.invitation_id, token.hash)
        if presented is None or not (presented.alive or presented.accepted_by == user_id):
            detail = "it is over, was revoked or is none"
            raise InvalidInvitation(errors=(FieldError("/token", detail, "invalid"),))
        if presented.email != presented.their_email:
            raise ForAnotherAddress
        if tx.closing:
            raise WorkspaceClosing
        if presented.alive:
            _require_inviter(tx, presented)
            _join(tx, user_id, presented)
        standing = find_standing(tx, user_id)
        if standing is None:  # they accepted it once, and left since
            raise InvalidInvitation
        return Accepted(
            workspace_id=tx.workspace_id,
            workspace_name=current_workspace(tx).name,
            role=standing.role,
            role_id=standing.role_id,
        )


def _require_inviter(tx: Tx, presented: Presented) -> None:
    """Go on only if who invited may give that role still: somebody who is removed, or given less,
    would come back with what they have invited themselves to.

    Raises:
        InvalidInvitation: they may not.
    """
    inviter = find_standing(tx, presented.invited_by)
    detail = "whoever invited you may not do so any more; ask for another one"
    refused = InvalidInvitation(errors=(FieldError("/token", detail, "invalid"),))
    if inviter is None or not inviter.access.may("members.settings"):
        raise refused
    try:
        inviter.require_to_give(standing_of(tx, presented), at="")
    except (MoreThanYours, UnknownRole) as error:
        raise refused from error


def _join(tx: Tx, user_id: UUID, presented: Presented) -> None:
    """Make them a member, unless they are one: then they keep the role that they have."""
    version = join(tx, presented.role, presented.role_id)
    store.accept_invitation(tx, presented)
    if version is not None:
        tx.emit(
            MemberJoined(
                **tx.envelope(user_id, version),
                role=presented.role,
                role_id=presented.role_id,
                invited_by=presented.invited_by,
            )
        )
    envelope = tx.envelope(presented.id, presented.version + 1)
    tx.emit(InvitationAccepted(**envelope, email=presented.email, user_id=user_id))
