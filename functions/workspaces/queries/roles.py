"""Reading a workspace's own roles."""

from __future__ import annotations

from typing import LiteralString
from uuid import UUID

from functions.workspaces.models.roles import Role, RoleNotFound
from shared.cursors import Key
from shared.db import Tx

_SHOWN: LiteralString = "id, name, grants, version, created_at, updated_at"
_ALL: LiteralString = (
    "select "  # noqa: S608 -- literals
    + _SHOWN
    + " from roles where workspace_id = %(workspace_id)s and deleted_at is null"
)


def find_role(tx: Tx, role_id: UUID) -> Role | None:
    """The role with this id, if this workspace has it."""
    return tx.one(Role, _ALL + " and id = %(id)s", id=role_id)


def get_role(tx: Tx, role_id: UUID) -> Role:
    """The role with this id.

    Raises:
        RoleNotFound: this workspace has none.
    """
    role = find_role(tx, role_id)
    if role is None:
        raise RoleNotFound
    return role


def list_roles(tx: Tx, *, limit: int, after: Key | None = None) -> list[Role]:
    """Roles newest first, from after `after`: up to `limit` of them."""
    at, last_id = after or (None, None)
    query: LiteralString = """
            and (created_at, id) < (
                coalesce(%(at)s::timestamptz, 'infinity'),
                coalesce(%(last_id)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
            )
        order by created_at desc, id desc
        limit %(limit)s
    """
    return tx.all(Role, _ALL + query, at=at, last_id=last_id, limit=limit)


def find_by_name(tx: Tx, name: str) -> UUID | None:
    """The role of that name, in whichever case."""
    return tx.one(
        UUID,
        """
        select id from roles
        where workspace_id = %(workspace_id)s and folded_name = lower(%(name)s)
            and deleted_at is null
        """,
        name=name,
    )


def is_in_use(tx: Tx, role_id: UUID) -> bool:
    """Whether a member has the role, or somebody is invited to it."""
    found = tx.one(
        int,
        """
        select 1 from memberships
        where workspace_id = %(workspace_id)s and role_id = %(id)s and ended_at is null
        union all
        select 1 from invitations
        where workspace_id = %(workspace_id)s and role_id = %(id)s
            and accepted_at is null and revoked_at is null
        limit 1
        """,
        id=role_id,
    )
    return found is not None
