"""What can be done with roles of a workspace's own."""

from __future__ import annotations

from uuid import UUID

from events.workspaces import RoleChanged, RoleCreated, RoleDeleted
from functions.workspaces.commands.members import standing_now
from functions.workspaces.models.members import Standing
from functions.workspaces.models.roles import (
    NewRole,
    Role,
    RoleChange,
    RoleInUse,
    RoleNameTaken,
    checked_grants,
)
from functions.workspaces.queries import roles as queries
from functions.workspaces.store import roles as store
from shared.access import ROLES
from shared.db import Tx
from shared.errors import PreconditionFailed


def create_role(tx: Tx, new: NewRole) -> Role:
    """Make a role, which permits no more than its maker may do.

    Raises:
        NotPermitted: the caller may not, by now.
        InvalidGrants: there is no such grant.
        MoreThanYours: it would permit more than they may do.
        RoleNameTaken: another role has the name.
    """
    mine = standing_now(tx)
    grants = checked_grants(new.grants, mine.access)
    _refuse_taken(tx, new.name)
    role = store.insert_role(tx, new.name, grants)
    if role is None:
        raise RoleNameTaken
    tx.emit(RoleCreated(**tx.envelope(role.id, role.version), name=role.name, grants=role.grants))
    return role


def change_role(tx: Tx, role_id: UUID, change: RoleChange, *, version: int | None = None) -> Role:
    """Change what `change` gives; a change to the same is none. All who have the role may do what
    it permits from then on.

    Raises:
        NotPermitted: the caller may not, by now.
        RoleNotFound: there is no such role.
        PreconditionFailed: it is no longer at `version`.
        InvalidGrants: there is no such grant.
        MoreThanYours: it permits more than they may do, or would.
        RoleNameTaken: another role has the name.
    """
    mine = standing_now(tx)
    current = _changeable(tx, role_id, mine, version)
    wanted = current
    if change.grants is not None:
        grants = checked_grants(change.grants, mine.access)
        wanted = wanted.model_copy(update={"grants": grants})
    if change.name is not None:
        wanted = wanted.model_copy(update={"name": change.name})
    if wanted == current:
        return current
    if wanted.name.lower() != current.name.lower():
        _refuse_taken(tx, wanted.name)
    role = store.update_role(tx, wanted)
    if role is None:
        raise PreconditionFailed
    tx.emit(RoleChanged(**tx.envelope(role.id, role.version), name=role.name, grants=role.grants))
    return role


def delete_role(tx: Tx, role_id: UUID, *, version: int | None = None) -> None:
    """Delete a role that nobody has.

    Raises:
        NotPermitted: the caller may not, by now.
        RoleNotFound: there is no such role.
        PreconditionFailed: it is no longer at `version`.
        MoreThanYours: it permits more than they may do.
        RoleInUse: somebody has it, or is invited to it.
    """
    mine = standing_now(tx)
    current = _changeable(tx, role_id, mine, version)
    if queries.is_in_use(tx, role_id):
        raise RoleInUse
    deleted = store.delete_role(tx, role_id, current.version)
    if deleted is None:
        raise PreconditionFailed
    tx.emit(RoleDeleted(**tx.envelope(role_id, deleted), name=current.name))


def _changeable(tx: Tx, role_id: UUID, mine: Standing, version: int | None) -> Role:
    """A role that permits no more than whoever changes it may do."""
    role = queries.get_role(tx, role_id)
    if version is not None and role.version != version:
        raise PreconditionFailed
    mine.require_to_give(Standing("custom", role.id, role.access), at="")
    return role


def _refuse_taken(tx: Tx, name: str) -> None:
    if name.lower() in ROLES:
        raise RoleNameTaken
    other = queries.find_by_name(tx, name)
    if other is not None:
        raise RoleNameTaken(existing_id=str(other))
