"""Oneself: `/api/v1/me`."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from functions.auth.api.sessions import SignedIn
from functions.auth.clients import CurrentClient
from functions.auth.commands import factors, passwords, people
from functions.auth.models.factors import Confirmation, NewFactor, Proof, RecoveryCodes
from functions.auth.models.passwords import ChangePassword, ProvePassword
from functions.auth.models.people import Profile, ProfileChange
from shared.auth import Caller
from shared.http import SIGNED_IN, CurrentCaller, create_router, needs, unrepeatable

routes = create_router()

_SECRET = unrepeatable("the answer holds a secret")
_ONCE = unrepeatable("a code is good once")
_SAME = unrepeatable("doing it again changes nothing")


async def _oneself(signed_in: SignedIn) -> tuple[Caller, UUID]:
    caller, session_id = signed_in
    caller.require_own_sign_in()
    return caller, session_id


Oneself = Annotated[tuple[Caller, UUID], Depends(_oneself)]


@routes.get("/api/v1/me", openapi_extra=needs(SIGNED_IN))
async def describe_oneself(caller: CurrentCaller) -> Profile:
    """Who one is, and in which workspaces; by an API key or single sign-on, in that one alone."""
    here_alone = caller.session_id is None or caller.by_sso
    only_in = caller.workspace_id if here_alone else None
    return people.describe_oneself(caller.user_id, only_in=only_in)


@routes.patch("/api/v1/me", openapi_extra=needs(SIGNED_IN) | _SAME)
async def rename_oneself(given: ProfileChange, signed_in: Oneself) -> Profile:
    """Change one's name."""
    caller, _ = signed_in
    people.rename_oneself(caller.user_id, given.name)
    return people.describe_oneself(caller.user_id)


@routes.post("/api/v1/me/password", status_code=204, openapi_extra=needs(SIGNED_IN) | _SAME)
async def change_password(given: ChangePassword, signed_in: Oneself, client: CurrentClient) -> None:
    """Change one's password. All sessions end but this one, and a mail says so."""
    caller, session_id = signed_in
    passwords.change_password(caller.user_id, given, client, session_id=session_id)


@routes.delete(
    "/api/v1/me/identities/google", status_code=204, openapi_extra=needs(SIGNED_IN) | _SAME
)
async def unlink_google(signed_in: Oneself) -> None:
    """Let no account at Google get you in any more. Signing in with Google links the one that has
    your address again, unless a second factor is on.
    """
    caller, _ = signed_in
    people.unlink_google(caller.user_id)


@routes.post("/api/v1/me/factors/totp", status_code=201, openapi_extra=needs(SIGNED_IN) | _SECRET)
async def start_factor(
    given: ProvePassword, signed_in: Oneself, client: CurrentClient, response: Response
) -> NewFactor:
    """Make a secret for an authenticator app. It is shown once, and the second factor is on when a
    code of the app has confirmed it.
    """
    caller, _ = signed_in
    response.headers["Cache-Control"] = "no-store"
    return factors.start_factor(caller.user_id, given, client)


@routes.post("/api/v1/me/factors/totp/confirm", openapi_extra=needs(SIGNED_IN) | _SECRET)
async def confirm_factor(
    given: Confirmation, signed_in: Oneself, client: CurrentClient, response: Response
) -> RecoveryCodes:
    """Turn the second factor on by a code of the app. The recovery codes are shown once. All
    sessions end but this one, and a mail says so.
    """
    caller, session_id = signed_in
    response.headers["Cache-Control"] = "no-store"
    return factors.confirm_factor(caller.user_id, given, client, session_id=session_id)


@routes.delete("/api/v1/me/factors/totp", status_code=204, openapi_extra=needs(SIGNED_IN) | _ONCE)
async def remove_factor(given: Proof, signed_in: Oneself, client: CurrentClient) -> None:
    """Turn the second factor off, by a code of the app or a recovery code. All sessions end but
    this one, and a mail says so.
    """
    caller, session_id = signed_in
    factors.remove_factor(caller.user_id, given, client, session_id=session_id)


@routes.post("/api/v1/me/factors/recovery-codes", openapi_extra=needs(SIGNED_IN) | _SECRET)
async def renew_recovery_codes(
    given: Proof, signed_in: Oneself, client: CurrentClient, response: Response
) -> RecoveryCodes:
    """Make new recovery codes in the place of those there are, by a code of the app or one of them.
    They are shown once.
    """
    caller, _ = signed_in
    response.headers["Cache-Control"] = "no-store"
    return factors.renew_recovery_codes(caller.user_id, given, client)
