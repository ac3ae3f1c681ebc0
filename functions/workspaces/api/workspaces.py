"""`/api/v1/workspaces`."""

from fastapi import Response

from functions.workspaces.commands import members
from functions.workspaces.commands import workspaces as commands
from functions.workspaces.models.members import ReassignTo
from functions.workspaces.models.workspaces import NewWorkspace, Workspace, WorkspaceChange
from functions.workspaces.queries import workspaces as queries
from shared.http import (
    SIGNED_IN,
    CurrentCaller,
    IfMatch,
    Transaction,
    create_router,
    expected_version,
    needs,
    set_etag,
    unrepeatable,
)

routes = create_router()

_LAST_WORD = unrepeatable("who left is answered no more")


@routes.post("/api/v1/workspaces", status_code=201, openapi_extra=needs(SIGNED_IN))
async def create_workspace(
    new: NewWorkspace, caller: CurrentCaller, tx: Transaction, response: Response
) -> Workspace:
    workspace = commands.create_workspace(tx, new, owner_id=caller.user_id)
    set_etag(response, workspace.version)
    return workspace


@routes.get("/api/v1/workspaces/current", openapi_extra=needs("workspace.read"))
async def get_current_workspace(tx: Transaction, response: Response) -> Workspace:
    workspace = queries.current_workspace(tx)
    set_etag(response, workspace.version)
    return workspace


@routes.patch("/api/v1/workspaces/current", openapi_extra=needs("workspace.settings"))
async def change_current_workspace(
    change: WorkspaceChange, tx: Transaction, response: Response, if_match: IfMatch = None
) -> Workspace:
    version = expected_version(if_match)
    workspace = commands.change_workspace(tx, change, version=version)
    set_etag(response, workspace.version)
    return workspace


@routes.post(
    "/api/v1/workspaces/current/leave",
    status_code=204,
    openapi_extra=needs(SIGNED_IN) | _LAST_WORD,
)
async def leave_current_workspace(
    caller: CurrentCaller, tx: Transaction, reassign_to: ReassignTo = None
) -> None:
    """End your own membership. To have what you own passed to another member takes permission to
    read and write everybody's.
    """
    members.leave(tx, caller.user_id, reassign_to=reassign_to)
