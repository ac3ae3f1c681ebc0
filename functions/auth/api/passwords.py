"""Resetting a password, and confirming an address: public, by links that are mailed."""

from functions.auth.clients import CurrentClient
from functions.auth.commands import mails, passwords
from functions.auth.models.passwords import Address, Asked, ResetPassword
from functions.auth.models.people import VerifyEmail
from shared.http import ANYBODY, create_router, needs, unrepeatable

routes = create_router()

_NOBODY = unrepeatable("nobody is known yet whose key it would be")


@routes.post(
    "/api/v1/auth/reset-password/request", status_code=202, openapi_extra=needs(ANYBODY) | _NOBODY
)
async def ask_to_reset(given: Address, client: CurrentClient) -> Asked:
    """Have a link mailed that sets a new password. The answer is the same for an address that has
    no account.
    """
    mails.ask_for_link("reset_password", given.email, client)
    return Asked()


@routes.post("/api/v1/auth/reset-password", status_code=204, openapi_extra=needs(ANYBODY) | _NOBODY)
async def reset_password(given: ResetPassword) -> None:
    """Set a new password by the token of the link, which is good once and for 30 minutes. All
    sessions end; a second factor stays on.
    """
    passwords.reset_password(given)


@routes.post(
    "/api/v1/auth/verify-email/request", status_code=202, openapi_extra=needs(ANYBODY) | _NOBODY
)
async def ask_to_verify(given: Address, client: CurrentClient) -> Asked:
    """Have a link mailed that confirms the address, if that is still to be done. The answer is the
    same for an address that has no account.
    """
    mails.ask_for_link("verify_email", given.email, client)
    return Asked()


@routes.post("/api/v1/auth/verify-email", status_code=204, openapi_extra=needs(ANYBODY) | _NOBODY)
async def verify_email(given: VerifyEmail, client: CurrentClient) -> None:
    """Confirm the address by the token of the link, which is good once and for a day, and the
    account's password. Who gets the link and does not know the password resets it.
    """
    passwords.verify_email(given, client)
