"""What can be done with invitations by those who invite."""

from __future__ import annotations

from uuid import UUID

from events.workspaces import InvitationCreated, InvitationRenewed, InvitationRevoked
from functions.workspaces.commands.members import standing_now, standing_wanted
from functions.workspaces.models.invitations import (
    AGAIN_AFTER_S,
    MOST_A_DAY,
    MOST_OPEN,
    AlreadyMember,
    AskedTooSoon,
    Invitation,
    InvitationNotFound,
    InviterNotVerified,
    NewInvitation,
    Presented,
    TooManyInvitations,
)
from functions.workspaces.models.members import RoleChoice, Standing
from functions.workspaces.queries import invitations as queries
from functions.workspaces.queries import members
from functions.workspaces.store import invitations as store
from shared.db import Tx


def invite(tx: Tx, new: NewInvitation) -> tuple[Invitation, bool]:
    """Invite somebody; a mail follows. An open invitation of theirs is renewed, and mailed again
    unless that was only just; with another role, only then. The invitation, and whether it is new.

    Raises:
        NotPermitted: the caller may not, by now.
        UnknownRole: this workspace has no such role.
        MoreThanYours: the role permits more than they may do.
        InviterNotVerified: their own address is not proven.
        AlreadyMember: somebody with the address is a member.
        AskedTooSoon: it was open, to another role, and mailed only just.
        TooManyInvitations: there are too many.
    """
    mine = standing_now(tx)
    wanted = standing_wanted(tx, new)
    mine.require_to_give(wanted, at=new.pointer)
    inviter = _inviter(tx)
    member = members.find_by_address(tx, new.email)
    if member is not None:
        raise AlreadyMember(existing_id=str(member))
    current = queries.find_open(tx, new.email)
    if current is not None:
        return _invited_again(tx, current, mine, wanted, inviter), False
    made = queries.count_made(tx)
    if made.open >= MOST_OPEN or made.today >= MOST_A_DAY:
        raise TooManyInvitations
    invitation = store.insert_invitation(tx, new.email, wanted, inviter=inviter)
    envelope = tx.envelope(invitation.id, invitation.version)
    tx.emit(
        InvitationCreated(
            **envelope, email=invitation.email, role=wanted.role, role_id=wanted.role_id
        )
    )
    return invitation, True


def resend(tx: Tx, invitation_id: UUID) -> Invitation:
    """Let an invitation be good for as long as a new one, and mail it again.

    Raises:
        NotPermitted: the caller may not, by now.
        InvitationNotFound: there is no such open invitation.
        MoreThanYours: its role permits more than they may do.
        InviterNotVerified: their own address is not proven.
        AskedTooSoon: it was mailed only just.
    """
    mine = standing_now(tx)
    current = queries.get_invitation(tx, invitation_id)
    wanted = standing_of(tx, current)
    mine.require_to_give(wanted, at="")
    return _renewed(tx, current, wanted, _inviter(tx))


def revoke(tx: Tx, invitation_id: UUID) -> None:
    """Let an invitation be good no more.

    Raises:
        NotPermitted: the caller may not, by now.
        InvitationNotFound: there is no such open invitation.
        MoreThanYours: its role permits more than they may do.
    """
    mine = standing_now(tx)
    current = queries.get_invitation(tx, invitation_id)
    mine.require_to_give(standing_of(tx, current), at="")
    revoked = store.revoke_invitation(tx, invitation_id)
    if revoked is None:
        raise InvitationNotFound
    tx.emit(InvitationRevoked(**tx.envelope(invitation_id, revoked), email=current.email))


def _invited_again(
    tx: Tx, current: Invitation, mine: Standing, wanted: Standing, inviter: str
) -> Invitation:
    """An open invitation, with the role that is wanted now."""
    mine.require_to_give(standing_of(tx, current), at="")
    try:
        return _renewed(tx, current, wanted, inviter)
    except AskedTooSoon:
        if (current.role, current.role_id) == (wanted.role, wanted.role_id):
            return current
        raise


def _renewed(tx: Tx, current: Invitation, wanted: Standing, inviter: str) -> Invitation:
    renewed = store.renew_invitation(tx, current.id, wanted, inviter=inviter)
    if renewed is None:
        raise AskedTooSoon(retry_after_s=AGAIN_AFTER_S)
    envelope = tx.envelope(renewed.id, renewed.version)
    tx.emit(
        InvitationRenewed(**envelope, email=renewed.email, role=wanted.role, role_id=wanted.role_id)
    )
    return renewed


def standing_of(tx: Tx, invitation: Invitation | Presented) -> Standing:
    """What whoever accepts an invitation is to be.

    Raises:
        UnknownRole: the role is there no more.
    """
    if invitation.role == "custom":
        choice = RoleChoice(role_id=invitation.role_id)
    else:
        choice = RoleChoice(role=invitation.role)
    return standing_wanted(tx, choice)


def _inviter(tx: Tx) -> str:
    """The address of whoever acts, which the mail names."""
    person = members.find_person(tx, tx.user_id)
    if person is None or not person.verified:
        raise InviterNotVerified
    return person.email
