"""`/api/v1/members`."""

from uuid import UUID

from fastapi import Response

from functions.workspaces.commands import members as commands
from functions.workspaces.models.members import Member, MemberChange, ReassignTo
from functions.workspaces.queries import members as queries
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


@routes.get("/api/v1/members", openapi_extra=needs("members.read"))
async def list_members(
    tx: Transaction, limit: Limit = DEFAULT_LIMIT, cursor: CursorParam = None
) -> Page[Member]:
    """The members, who joined last first. Those who left are not among them."""
    found = queries.list_members(tx, limit=limit + 1, after=decode_cursor(cursor))
    return page(found, limit, key=queries.joined_at)


@routes.get("/api/v1/members/{member_id}", openapi_extra=needs("members.read"))
async def get_member(member_id: UUID, tx: Transaction, response: Response) -> Member:
    """A member, or somebody who was one; the id is the person's, as in `owner_id`."""
    member = queries.get_member(tx, member_id)
    set_etag(response, member.version)
    return member


@routes.patch("/api/v1/members/{member_id}", openapi_extra=needs("members.settings"))
async def change_member(
    member_id: UUID,
    change: MemberChange,
    tx: Transaction,
    response: Response,
    if_match: IfMatch = None,
) -> Member:
    """Give a member another role, within a minute. Nobody gives or takes more than they may do
    themselves, and owners alone make and unmake owners, of whom one stays.
    """
    version = expected_version(if_match)
    member = commands.change_member(tx, member_id, change, version=version)
    set_etag(response, member.version)
    return member


@routes.delete(
    "/api/v1/members/{member_id}", status_code=204, openapi_extra=needs("members.settings")
)
async def remove_member(member_id: UUID, tx: Transaction, reassign_to: ReassignTo = None) -> None:
    """End a membership: within a minute the person does not get in any more, nor do their keys.
    What they own passes to `reassign_to` soon after, which takes permission to read and write
    everybody's; left out, it stays theirs.
    """
    commands.remove_member(tx, member_id, reassign_to=reassign_to)
