"""Writing teams."""

from __future__ import annotations

from typing import LiteralString
from uuid import UUID

from functions.workspaces.models.teams import Team
from shared.db import Tx
from shared.ids import uuid7

_SHOWN: LiteralString = "id, name, version, created_at, updated_at"


def insert_team(tx: Tx, name: str) -> Team | None:
    """Store a new team; None where another one has the name."""
    query: LiteralString = """
        insert into teams (workspace_id, id, name) values (%(workspace_id)s, %(id)s, %(name)s)
        on conflict (workspace_id, folded_name) where deleted_at is null do nothing
        returning
    """
    return tx.one(Team, query + _SHOWN, id=uuid7(), name=name)


def rename_team(tx: Tx, team_id: UUID, name: str, version: int) -> Team | None:
    """Give a team another name if it still is at this version."""
    query: LiteralString = """
        update teams set name = %(name)s, version = version + 1, updated_at = now()
        where workspace_id = %(workspace_id)s and id = %(id)s and version = %(version)s
            and deleted_at is null
        returning
    """
    return tx.one(Team, query + _SHOWN, id=team_id, name=name, version=version)


def delete_team(tx: Tx, team_id: UUID, version: int) -> int | None:
    """Mark a team deleted if it still is at this version, with nobody in it; its new version."""
    return tx.one(
        int,
        """
        with deleted as (
            update teams set deleted_at = now(), version = version + 1, updated_at = now()
            where workspace_id = %(workspace_id)s and id = %(id)s and version = %(version)s
                and deleted_at is null
            returning id, version
        ), gone as (
            delete from team_members using deleted
            where workspace_id = %(workspace_id)s and team_id = deleted.id
        )
        select version from deleted
        """,
        id=team_id,
        version=version,
    )


def add_to_team(tx: Tx, team_id: UUID, member_id: UUID) -> int | None:
    """Put a member into a team; the team's new version. None where they are in it."""
    return tx.one(
        int,
        """
        with added as (
            insert into team_members (workspace_id, team_id, user_id)
            values (%(workspace_id)s, %(id)s, %(user_id)s)
            on conflict do nothing
            returning team_id
        )
        update teams t set version = t.version + 1, updated_at = now()
        from added
        where t.workspace_id = %(workspace_id)s and t.id = added.team_id
        returning t.version
        """,
        id=team_id,
        user_id=member_id,
    )


def remove_from_team(tx: Tx, team_id: UUID, member_id: UUID) -> int | None:
    """Take a member out of a team; the team's new version. None where they are not in it."""
    return tx.one(
        int,
        """
        with removed as (
            delete from team_members
            where workspace_id = %(workspace_id)s and team_id = %(id)s and user_id = %(user_id)s
            returning team_id
        )
        update teams t set version = t.version + 1, updated_at = now()
        from removed
        where t.workspace_id = %(workspace_id)s and t.id = removed.team_id
        returning t.version
        """,
        id=team_id,
        user_id=member_id,
    )
