"""`/api/v1/workspaces`."""

from fastapi import Response

from functions.workspaces import commands, queries
from functions.workspaces.models import NewWorkspace, Workspace
from shared.http import (
    SIGNED_IN,
    CurrentCaller,
    Transaction,
    create_app,
    http_handler,
    needs,
    set_etag,
)

app = create_app("Workspaces")


@app.post("/api/v1/workspaces", status_code=201, openapi_extra=needs(SIGNED_IN))
async def create_workspace(
    new: NewWorkspace, caller: CurrentCaller, tx: Transaction, response: Response
) -> Workspace:
    workspace = commands.create_workspace(tx, new, owner_id=caller.user_id)
    set_etag(response, workspace.version)
    return workspace


@app.get("/api/v1/workspaces/current", openapi_extra=needs("workspace.read"))
async def get_current_workspace(tx: Transaction, response: Response) -> Workspace:
    workspace = queries.current_workspace(tx)
    set_etag(response, workspace.version)
    return workspace


handler = http_handler(app)
