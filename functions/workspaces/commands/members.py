"""What can be done with members.

Whoever changes who may do what is looked up again in the transaction that does it: what the request
came with may be half a minute old, and a role that was taken away must not bring itself back.
"""

from __future__ import annotations

from uuid import UUID

from events.workspaces import MemberChanged
from functions.workspaces.models.members import (
    LastOwner,
    Member,
    MemberChange,
    MemberNotFound,
    RoleChoice,
    Standing,
    UnknownHeir,
    UnknownRole,
    require_to_reassign,
)
from functions.workspaces.queries import members as queries
from functions.workspaces.queries.roles import find_role
from functions.workspaces.store import members as store
from shared.access import ROLES, NotPermitted
from shared.db import Tx
from shared.errors import PreconditionFailed
from shared.tenancy import end_membership, has_another_owner, hold_members


def standing_now(tx: Tx) -> Standing:
    """What whoever acts may do now: by their role as it is stored, and by what they came with,
    which may be a key's. Nobody else changes members, roles, teams or invitations until the
    transaction ends.

    Raises:
        NotPermitted: they may not change members, or are none any more.
    """
    hold_members(tx)
    found = queries.find_standing(tx, tx.user_id)
    if found is None:
        raise NotPermitted
    access = tx.access.within(found.access)
    access.require("members.settings")
    return Standing(found.role, found.role_id, access)


def standing_wanted(tx: Tx, choice: RoleChoice) -> Standing:
    """The role that is to be given, and what it permits.

    Raises:
        UnknownRole: this workspace has no such role.
    """
    if choice.role is not None:
        return Standing(choice.role, None, ROLES[choice.role])
    role = find_role(tx, choice.role_id) if choice.role_id else None
    if role is None:
        raise UnknownRole
    return Standing("custom", role.id, role.access)


def change_member(
    tx: Tx, member_id: UUID, change: MemberChange, *, version: int | None = None
) -> Member:
    """Give a member another role; the one they have is no change.

    Raises:
        NotPermitted: the caller may not, by now.
        MemberNotFound: there is no such member.
        PreconditionFailed: the membership is no longer at `version`.
        UnknownRole: this workspace has no such role.
        MoreThanYours: the role they have, or are to have, permits more than the caller may do.
        LastOwner: nobody else owns the workspace.
    """
    mine = standing_now(tx)
    current, standing = _member(tx, member_id)
    if version is not None and current.version != version:
        raise PreconditionFailed
    wanted = standing_wanted(tx, change)
    mine.require_to_give(standing, at=change.pointer)
    mine.require_to_give(wanted, at=change.pointer)
    if (current.role, current.role_id) == (wanted.role, wanted.role_id):
        return current
    _keep_an_owner(tx, member_id, standing)
    changed = store.set_role(tx, member_id, wanted.role, wanted.role_id)
    assert changed is not None
    envelope = tx.envelope(member_id, changed)
    tx.emit(MemberChanged(**envelope, role=wanted.role, role_id=wanted.role_id))
    return queries.get_member(tx, member_id)


def remove_member(
    tx: Tx, member_id: UUID, *, reassign_to: UUID | None = None, version: int | None = None
) -> None:
    """End somebody's membership. What they own passes to `reassign_to`, soon after; else it stays
    theirs.

    Raises:
        NotPermitted: the caller may not, by now, or may not give away everybody's records.
        MemberNotFound: there is no such member.
        PreconditionFailed: the membership is no longer at `version`.
        MoreThanYours: they may do more than the caller.
        UnknownHeir: `reassign_to` is no other member.
        LastOwner: nobody else owns the workspace.
    """
    mine = standing_now(tx)
    current, standing = _member(tx, member_id)
    if version is not None and current.version != version:
        raise PreconditionFailed
    mine.require_to_give(standing, at="")
    if reassign_to is not None:
        require_to_reassign(mine.access)
    _end(tx, member_id, standing, reassign_to)


def leave(tx: Tx, member_id: UUID, *, reassign_to: UUID | None = None) -> None:
    """End one's own membership.

    Raises:
        NotPermitted: one may not give away one's records.
        MemberNotFound: it has ended.
        UnknownHeir: `reassign_to` is no other member.
        LastOwner: nobody else owns the workspace.
    """
    hold_members(tx)
    standing = queries.find_standing(tx, member_id)
    if standing is None:
        raise MemberNotFound
    if reassign_to is not None:
        require_to_reassign(tx.access.within(standing.access))
    _end(tx, member_id, standing, reassign_to)


def _end(tx: Tx, member_id: UUID, standing: Standing, reassign_to: UUID | None) -> None:
    if reassign_to is not None and (
        reassign_to == member_id or queries.find_standing(tx, reassign_to) is None
    ):
        raise UnknownHeir
    _keep_an_owner(tx, member_id, standing)
    end_membership(tx, member_id, reassign_to=reassign_to)


def _member(tx: Tx, member_id: UUID) -> tuple[Member, Standing]:
    """A member, and what they may do."""
    standing = queries.find_standing(tx, member_id)
    if standing is None:
        raise MemberNotFound
    return queries.get_member(tx, member_id), standing


def _keep_an_owner(tx: Tx, member_id: UUID, standing: Standing) -> None:
    if standing.role == "owner" and not has_another_owner(tx, member_id):
        raise LastOwner
