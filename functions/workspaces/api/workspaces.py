"""`/api/v1/workspaces`."""

from typing import Annotated

from fastapi import Query, Response

from functions.workspaces.commands import deletion, members
from functions.workspaces.commands import workspaces as commands
from functions.workspaces.models.deletion import Confirmation, CurrentWorkspace, Deletion
from functions.workspaces.models.members import ReassignTo
from functions.workspaces.models.workspaces import NewWorkspace, Workspace, WorkspaceChange
from functions.workspaces.queries.deletion import describe_workspace
from shared.http import (
    ALONE,
    SIGNED_IN,
    CurrentCaller,
    IfMatch,
    Transaction,
    create_router,
    expected_version,
    needs,
    set_etag,
    transaction_of,
    unrepeatable,
)
from shared.settings import setting

routes = create_router()

_LAST_WORD = unrepeatable("who left is answered no more")
_ONCE = unrepeatable("a workspace is restored once")
_WEEK_S = 7 * 24 * 3600


@routes.post(
    "/api/v1/workspaces",
    status_code=201,
    openapi_extra=needs(SIGNED_IN),
    dependencies=[ALONE],  # it changes another workspace than this
)
async def create_workspace(
    new: NewWorkspace, caller: CurrentCaller, tx: Transaction, response: Response
) -> Workspace:
    """Creates another workspace, whose owner the caller is."""
    caller.require_own_sign_in()
    workspace = commands.create_workspace(tx, new, owner_id=caller.user_id)
    set_etag(response, workspace.version)
    return workspace


@routes.get("/api/v1/workspaces/current", openapi_extra=needs("workspace.read"))
async def get_current_workspace(tx: Transaction, response: Response) -> CurrentWorkspace:
    """The workspace that the token belongs to, with its version as `ETag`."""
    workspace = describe_workspace(tx).told
    set_etag(response, workspace.version)
    return workspace


@routes.patch("/api/v1/workspaces/current", openapi_extra=needs("workspace.settings"))
async def change_current_workspace(
    change: WorkspaceChange, tx: Transaction, response: Response, if_match: IfMatch = None
) -> Workspace:
    """Changes the fields that are given."""
    version = expected_version(if_match)
    workspace = commands.change_workspace(tx, change, version=version)
    set_etag(response, workspace.version)
    return workspace


@routes.delete(
    "/api/v1/workspaces/current", status_code=202, openapi_extra=needs("workspace.delete")
)
async def delete_current_workspace(
    caller: CurrentCaller,
    tx: Transaction,
    given: Confirmation | None = None,
    confirm: Annotated[str | None, Query(max_length=200)] = None,
) -> Deletion:
    """Have the workspace deleted: with its exact name as `confirm`, in the body or the query. From
    now on it takes no changes, and owners alone get in, to read or to restore it. At `purge_at`
    all there is in it is deleted for good.
    """
    caller.require_person()
    return deletion.request_deletion(
        tx,
        given.confirm if given else confirm,
        asked_by=caller.user_id,
        grace_s=int(setting("WORKSPACE_GRACE_SECONDS", str(_WEEK_S))),
        at="/confirm" if given else "/query/confirm",
    )


@routes.post("/api/v1/workspaces/current/restore", openapi_extra=needs("workspace.delete") | _ONCE)
async def restore_current_workspace(caller: CurrentCaller, response: Response) -> CurrentWorkspace:
    """Take back that the workspace is to be deleted. Members sign in again; keys, mailboxes,
    webhooks and automations go on from where they were.
    """
    caller.require_person()
    with transaction_of(caller, even_closing=True) as tx:
        workspace = deletion.restore(tx)
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
