"""Writing memberships. They are never deleted: records and sessions refer to them."""

from __future__ import annotations

from uuid import UUID

from functions.workspaces.models.members import AnyRole
from shared.db import Tx


def set_role(tx: Tx, member_id: UUID, role: AnyRole, role_id: UUID | None) -> int | None:
    """Give a member another role; the membership's new version."""
    return tx.one(
        int,
        """
        update memberships set role = %(role)s, role_id = %(role_id)s, version = version + 1,
            updated_at = now()
        where workspace_id = %(workspace_id)s and user_id = %(user_id)s and ended_at is null
        returning version
        """,
        user_id=member_id,
        role=role,
        role_id=role_id,
    )


def join(tx: Tx, role: AnyRole, role_id: UUID | None) -> int | None:
    """Make the transaction's person a member, or one again; the membership's version. None where
    they are one already.
    """
    return tx.one(
        int,
        """
        insert into memberships as m (workspace_id, user_id, role, role_id)
        values (%(workspace_id)s, %(user_id)s, %(role)s, %(role_id)s)
        on conflict (workspace_id, user_id) do update
        set role = excluded.role, role_id = excluded.role_id, ended_at = null,
            rejoined_at = now(), version = m.version + 1, updated_at = now()
        where m.ended_at is not null
        returning version
        """,
        user_id=tx.user_id,
        role=role,
        role_id=role_id,
    )
