"""`/api/v1/invitations`, for those who invite."""

from typing import Any
from uuid import UUID

from fastapi import Response

from functions.workspaces.commands import invitations as commands
from functions.workspaces.models.invitations import Invitation, NewInvitation
from functions.workspaces.queries import invitations as queries
from shared.http import (
    DEFAULT_LIMIT,
    CursorParam,
    Limit,
    Page,
    Transaction,
    create_router,
    decode_cursor,
    needs,
    page,
    set_etag,
)

routes = create_router()

_SETTINGS = needs("members.settings")
_CREATED: dict[int | str, dict[str, Any]] = {201: {"model": Invitation, "description": "Created."}}


@routes.post("/api/v1/invitations", openapi_extra=_SETTINGS, responses=_CREATED)
async def invite(new: NewInvitation, tx: Transaction, response: Response) -> Invitation:
    """Invite somebody by mail. Where an invitation of theirs is open, that is renewed."""
    invitation, created = commands.invite(tx, new)
    if created:
        response.status_code = 201
        response.headers["Location"] = f"/api/v1/invitations/{invitation.id}"
    set_etag(response, invitation.version)
    return invitation


@routes.get("/api/v1/invitations", openapi_extra=_SETTINGS)
async def list_invitations(
    tx: Transaction, limit: Limit = DEFAULT_LIMIT, cursor: CursorParam = None
) -> Page[Invitation]:
    """Invitations that were neither accepted nor revoked, newest first."""
    found = queries.list_invitations(tx, limit=limit + 1, after=decode_cursor(cursor))
    return page(found, limit, key=lambda one: (one.created_at, one.id))


@routes.get("/api/v1/invitations/{invitation_id}", openapi_extra=_SETTINGS)
async def get_invitation(invitation_id: UUID, tx: Transaction, response: Response) -> Invitation:
    """One invitation, with its version as `ETag`."""
    invitation = queries.get_invitation(tx, invitation_id)
    set_etag(response, invitation.version)
    return invitation


@routes.post("/api/v1/invitations/{invitation_id}/resend", openapi_extra=_SETTINGS)
async def resend_invitation(invitation_id: UUID, tx: Transaction, response: Response) -> Invitation:
    """Mail it again, good for seven days from now; every five minutes at most."""
    invitation = commands.resend(tx, invitation_id)
    set_etag(response, invitation.version)
    return invitation


@routes.delete("/api/v1/invitations/{invitation_id}", status_code=204, openapi_extra=_SETTINGS)
async def revoke_invitation(invitation_id: UUID, tx: Transaction) -> None:
    """Revokes an invitation: its link is no good any more."""
    commands.revoke(tx, invitation_id)
