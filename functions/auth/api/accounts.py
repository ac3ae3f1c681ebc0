"""Signing up and signing in: public, since nobody is known before it."""

from fastapi import Request, Response

from functions.auth.clients import CurrentClient, check_same_site, hand_out
from functions.auth.commands import accounts, second_step
from functions.auth.models.accounts import SignIn, SignUp, Token
from functions.auth.models.factors import SecondFactorNeeded, SecondStep
from shared.http import ANYBODY, create_router, needs, unrepeatable

routes = create_router()

_NOBODY = unrepeatable("nobody is known yet whose key it would be")


@routes.post("/api/v1/auth/sign-up", status_code=201, openapi_extra=needs(ANYBODY) | _NOBODY)
async def sign_up(
    new: SignUp, request: Request, response: Response, client: CurrentClient
) -> Token:
    """Makes an account and its first workspace, whose owner it is, and signs it in."""
    if new.cookie:
        check_same_site(request)
    return hand_out(accounts.sign_up(new, client), response, in_cookie=new.cookie)


@routes.post("/api/v1/auth/sign-in", openapi_extra=needs(ANYBODY) | _NOBODY)
async def sign_in(
    given: SignIn, request: Request, response: Response, client: CurrentClient
) -> Token | SecondFactorNeeded:
    """Sign in. Where a second factor is on, the answer is a challenge instead of a token: send it
    with a code to `/api/v1/auth/second-factor`.
    """
    if given.cookie:
        check_same_site(request)
    answer = accounts.sign_in(given, client)
    if isinstance(answer, SecondFactorNeeded):
        response.headers["Cache-Control"] = "no-store"
        return answer
    return hand_out(answer, response, in_cookie=given.cookie)


@routes.post("/api/v1/auth/second-factor", openapi_extra=needs(ANYBODY) | _NOBODY)
async def sign_in_with_factor(
    given: SecondStep, request: Request, response: Response, client: CurrentClient
) -> Token:
    """Finish signing in, by a code of the authenticator app or a recovery code."""
    if given.cookie:
        check_same_site(request)
    token = second_step.sign_in_with_factor(given, client)
    return hand_out(token, response, in_cookie=given.cookie)
