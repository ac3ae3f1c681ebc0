"""`/api/v1/roles`."""

from uuid import UUID

from fastapi import Response

from functions.workspaces.commands import roles as commands
from functions.workspaces.models.roles import BUILTIN, NewRole, Role, RoleChange, Roles
from functions.workspaces.queries import roles as queries
from shared.http import (
    DEFAULT_LIMIT,
    CursorParam,
    IfMatch,
    Limit,
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


@routes.get("/api/v1/roles", openapi_extra=needs("members.read"))
async def list_roles(
    tx: Transaction, limit: Limit = DEFAULT_LIMIT, cursor: CursorParam = None
) -> Roles:
    """The roles that there always are, and the workspace's own, newest first."""
    found = queries.list_roles(tx, limit=limit + 1, after=decode_cursor(cursor))
    shown = page(found, limit, key=lambda role: (role.created_at, role.id))
    return Roles(builtin=BUILTIN, items=shown.items, next_cursor=shown.next_cursor)


@routes.post("/api/v1/roles", status_code=201, openapi_extra=_SETTINGS)
async def create_role(new: NewRole, tx: Transaction, response: Response) -> Role:
    """Make a role, which permits no more than you may do yourself and hides what is hidden from
    you.
    """
    role = commands.create_role(tx, new)
    response.headers["Location"] = f"/api/v1/roles/{role.id}"
    set_etag(response, role.version)
    return role


@routes.get("/api/v1/roles/{role_id}", openapi_extra=needs("members.read"))
async def get_role(role_id: UUID, tx: Transaction, response: Response) -> Role:
    """One of the workspace's own roles, with its version as `ETag`."""
    role = queries.get_role(tx, role_id)
    set_etag(response, role.version)
    return role


@routes.patch("/api/v1/roles/{role_id}", openapi_extra=_SETTINGS)
async def change_role(
    role_id: UUID, change: RoleChange, tx: Transaction, response: Response, if_match: IfMatch = None
) -> Role:
    """Change a role for all who have it, within a minute."""
    version = expected_version(if_match)
    role = commands.change_role(tx, role_id, change, version=version)
    set_etag(response, role.version)
    return role


@routes.delete("/api/v1/roles/{role_id}", status_code=204, openapi_extra=_SETTINGS)
async def delete_role(role_id: UUID, tx: Transaction, if_match: IfMatch = None) -> None:
    """Deletes a role that nobody has."""
    version = expected_version(if_match) if if_match else None
    commands.delete_role(tx, role_id, version=version)
