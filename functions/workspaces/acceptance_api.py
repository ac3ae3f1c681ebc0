"""`/api/v1/invitations/accept`, for who is invited.

A function of its own, as crm_auth: it works in a workspace that the caller's token does not name.
"""

from functions.workspaces.commands import acceptance as commands
from functions.workspaces.models.invitations import Acceptance, Accepted
from shared.http import SIGNED_IN, CurrentCaller, create_app, http_handler, needs, unrepeatable

app = create_app("Accepting invitations")

_HARMLESS = unrepeatable("accepting again changes nothing")


@app.post("/api/v1/invitations/accept", openapi_extra=needs(SIGNED_IN) | _HARMLESS)
async def accept_invitation(given: Acceptance, caller: CurrentCaller) -> Accepted:
    """Join the workspace that a mailed invitation is of, by the token of its link. Your account has
    to have the address that was invited; who has none signs up first.
    """
    caller.require_own_sign_in()
    return commands.accept(caller.user_id, given)


handler = http_handler(app)
