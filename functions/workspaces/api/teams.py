"""`/api/v1/teams`."""

from uuid import UUID

from fastapi import Response

from functions.workspaces.commands import teams as commands
from functions.workspaces.models.members import Member
from functions.workspaces.models.teams import NewTeam, Team, TeamChange
from functions.workspaces.queries import teams as queries
from functions.workspaces.queries.members import joined_at, list_team
from shared.http import (
    DEFAULT_LIMIT,
    CursorParam,
    IfMatch,
    Limit,
    Page,
    Transaction,
    create_router,
    decode_cursor,
    expected_version,
    needs,
    page,
    set_etag,
)

routes = create_router()

_SETTINGS = needs("members.settings")


@routes.get("/api/v1/teams", openapi_extra=needs("members.read"))
async def list_teams(
    tx: Transaction, limit: Limit = DEFAULT_LIMIT, cursor: CursorParam = None
) -> Page[Team]:
    """Teams, newest first."""
    found = queries.list_teams(tx, limit=limit + 1, after=decode_cursor(cursor))
    return page(found, limit, key=lambda team: (team.created_at, team.id))


@routes.post("/api/v1/teams", status_code=201, openapi_extra=_SETTINGS)
async def create_team(new: NewTeam, tx: Transaction, response: Response) -> Team:
    """Creates a team, of nobody yet."""
    team = commands.create_team(tx, new)
    response.headers["Location"] = f"/api/v1/teams/{team.id}"
    set_etag(response, team.version)
    return team


@routes.get("/api/v1/teams/{team_id}", openapi_extra=needs("members.read"))
async def get_team(team_id: UUID, tx: Transaction, response: Response) -> Team:
    """One team, with its version as `ETag`."""
    team = queries.get_team(tx, team_id)
    set_etag(response, team.version)
    return team


@routes.patch("/api/v1/teams/{team_id}", openapi_extra=_SETTINGS)
async def change_team(
    team_id: UUID, change: TeamChange, tx: Transaction, response: Response, if_match: IfMatch = None
) -> Team:
    """Changes the fields that are given."""
    version = expected_version(if_match)
    team = commands.change_team(tx, team_id, change, version=version)
    set_etag(response, team.version)
    return team


@routes.delete("/api/v1/teams/{team_id}", status_code=204, openapi_extra=_SETTINGS)
async def delete_team(team_id: UUID, tx: Transaction, if_match: IfMatch = None) -> None:
    """Deletes a team; its members stay members of the workspace."""
    version = expected_version(if_match) if if_match else None
    commands.delete_team(tx, team_id, version=version)


@routes.get("/api/v1/teams/{team_id}/members", openapi_extra=needs("members.read"))
async def list_team_members(
    team_id: UUID, tx: Transaction, limit: Limit = DEFAULT_LIMIT, cursor: CursorParam = None
) -> Page[Member]:
    """Who is in a team, who came last first; here `created_at` is when they came to it."""
    queries.get_team(tx, team_id)
    found = list_team(tx, team_id, limit=limit + 1, after=decode_cursor(cursor))
    return page(found, limit, key=joined_at)


@routes.put("/api/v1/teams/{team_id}/members/{member_id}", status_code=204, openapi_extra=_SETTINGS)
async def add_to_team(team_id: UUID, member_id: UUID, tx: Transaction) -> None:
    """Put a member into a team. As its members may come to see each other's records, this takes
    permission to read everybody's.
    """
    commands.add_to_team(tx, team_id, member_id)


@routes.delete(
    "/api/v1/teams/{team_id}/members/{member_id}", status_code=204, openapi_extra=_SETTINGS
)
async def remove_from_team(team_id: UUID, member_id: UUID, tx: Transaction) -> None:
    """Takes a member out of a team."""
    commands.remove_from_team(tx, team_id, member_id)
