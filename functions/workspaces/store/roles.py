"""Writing a workspace's own roles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

from functions.workspaces.models.roles import Role
from shared.db import Tx
from shared.ids import uuid7

_SHOWN: LiteralString = "id, name, grants, version, created_at, updated_at"


def insert_role(tx: Tx, name: str, grants: Sequence[str]) -> Role | None:
    """Store a new role; None where another one has the name."""
    query: LiteralString = """
        insert into roles (workspace_id, id, name, grants)
        values (%(workspace_id)s, %(id)s, %(name)s, %(grants)s)
        on conflict (workspace_id, folded_name) where deleted_at is null do nothing
        returning
    """
    return tx.one(Role, query + _SHOWN, id=uuid7(), name=name, grants=list(grants))


def update_role(tx: Tx, role: Role) -> Role | None:
    """Store a role's new values if it still is at the version given."""
    query: LiteralString = """
        update roles set name = %(name)s, grants = %(grants)s, version = version + 1,
            updated_at = now()
        where workspace_id = %(workspace_id)s and id = %(id)s and version = %(version)s
            and deleted_at is null
        returning
    """
    values = role.model_dump() | {"grants": list(role.grants)}
    return tx.one(Role, query + _SHOWN, **values)


def delete_role(tx: Tx, role_id: UUID, version: int) -> int | None:
    """Mark a role deleted if it still is at this version; its new version."""
    return tx.one(
        int,
        """
        update roles set deleted_at = now(), version = version + 1, updated_at = now()
        where workspace_id = %(workspace_id)s and id = %(id)s and version = %(version)s
            and deleted_at is null
        returning version
        """,
        id=role_id,
        version=version,
    )
