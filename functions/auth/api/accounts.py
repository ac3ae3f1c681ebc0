"""Signing up and signing in: public, since nobody is known before it."""

from fastapi import Response

from functions.auth.commands import accounts
from functions.auth.models.accounts import SignIn, SignUp, Token
from shared.http import (
    ANYBODY,
    create_router,
    needs,
    unrepeatable,
)
from shared.log import about

routes = create_router()

_NOBODY = unrepeatable("nobody is known yet whose key it would be")


@routes.post("/api/v1/auth/sign-up", status_code=201, openapi_extra=needs(ANYBODY) | _NOBODY)
async def sign_up(new: SignUp, response: Response) -> Token:
    return _unstored(accounts.sign_up(new), response)


@routes.post("/api/v1/auth/sign-in", openapi_extra=needs(ANYBODY) | _NOBODY)
async def sign_in(given: SignIn, response: Response) -> Token:
    return _unstored(accounts.sign_in(given), response)


def _unstored(token: Token, response: Response) -> Token:
    """No cache on the way may keep a token (RFC 6749 §5.1)."""
    response.headers["Cache-Control"] = "no-store"
    about(workspace_id=token.workspace_id, user_id=token.user_id)
    return token
