"""Reading teams."""

from __future__ import annotations

from typing import LiteralString
from uuid import UUID

from functions.workspaces.models.teams import Team, TeamNotFound
from shared.cursors import Key
from shared.db import Tx

_SHOWN: LiteralString = "id, name, version, created_at, updated_at"
_ALL: LiteralString = (
    "select "  # noqa: S608 -- literals
    + _SHOWN
    + " from teams where workspace_id = %(workspace_id)s and deleted_at is null"
)


def get_team(tx: Tx, team_id: UUID) -> Team:
    """The team with this id.

    Raises:
        TeamNotFound: this workspace has none.
    """
    team = tx.one(Team, _ALL + " and id = %(id)s", id=team_id)
    if team is None:
        raise TeamNotFound
    return team


def list_teams(tx: Tx, *, limit: int, after: Key | None = None) -> list[Team]:
    """Teams newest first, from after `after`: up to `limit` of them."""
    at, last_id = after or (None, None)
    query: LiteralString = """
            and (created_at, id) < (
                coalesce(%(at)s::timestamptz, 'infinity'),
                coalesce(%(last_id)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
            )
        order by created_at desc, id desc
        limit %(limit)s
    """
    return tx.all(Team, _ALL + query, at=at, last_id=last_id, limit=limit)


def find_by_name(tx: Tx, name: str) -> UUID | None:
    """The team of that name, in whichever case."""
    return tx.one(
        UUID,
        """
        select id from teams
        where workspace_id = %(workspace_id)s and folded_name = lower(%(name)s)
            and deleted_at is null
        """,
        name=name,
    )
