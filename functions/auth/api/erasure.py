"""What is held about oneself, and having it erased: `/api/v1/me`."""

from fastapi import Response

from functions.auth.api.sessions import SignedIn
from functions.auth.clients import CurrentClient, drop_cookie
from functions.auth.commands import erasure, export
from functions.auth.models.erasure import EraseAccount
from functions.auth.models.export import AccountExport
from shared.http import SIGNED_IN, create_router, needs, unrepeatable

routes = create_router()

_LAST_WORD = unrepeatable("who is erased is answered no more")


@routes.get("/api/v1/me/export", openapi_extra=needs(SIGNED_IN))
async def export_account(signed_in: SignedIn, response: Response) -> AccountExport:
    """All that is held about your account: profile, workspaces, sign-ins, second factor, keys, what
    the audit logs have of you. What you made in workspaces is theirs, and is not in it.
    """
    caller, _ = signed_in
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Disposition"] = 'attachment; filename="account.json"'
    only_in = caller.workspace_id if caller.by_sso else None
    return export.export_account(caller.user_id, only_in=only_in)


@routes.delete("/api/v1/me", status_code=204, openapi_extra=needs(SIGNED_IN) | _LAST_WORD)
async def erase_account(
    signed_in: SignedIn,
    client: CurrentClient,
    response: Response,
    given: EraseAccount | None = None,
) -> None:
    """Erase your account, for good and at once: by your password, or by a code of your second
    factor, or within ten minutes of signing in by Google or single sign-on. The address is free
    then. What you made in workspaces stays there, by a former member. Refused while nobody else
    owns a workspace of yours.
    """
    caller, session_id = signed_in
    erasure.erase_account(caller, session_id, given or EraseAccount(), client)
    drop_cookie(response)
