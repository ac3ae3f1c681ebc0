"""`/api/v1/auth/external`: signing in by an account elsewhere. Public, since nobody is known yet.

A function of its own, as it has a way out: what knows passwords has none.
"""

from fastapi import Request, Response
from pydantic import SecretStr

from functions.auth.clients import CurrentClient, check_same_site, hand_out
from functions.auth.commands import external
from functions.auth.models.accounts import Token
from functions.auth.models.external import (
    BEGUN_LIVES_S,
    BeginSignIn,
    BegunSignIn,
    FinishSignIn,
    InvalidSignIn,
)
from shared.http import ANYBODY, create_app, http_handler, needs, unrepeatable

app = create_app("Signing in elsewhere")

COOKIE = "__Host-haste-sign-in"
"""Of this host and set by it alone, so that nobody begins a sign-in for somebody else."""
_NOBODY = unrepeatable("nobody is known yet whose key it would be")


@app.post("/api/v1/auth/external", openapi_extra=needs(ANYBODY) | _NOBODY)
async def begin_sign_in(
    given: BeginSignIn, request: Request, response: Response, client: CurrentClient
) -> BegunSignIn:
    """Begin to sign in with Google, or by a workspace's single sign-on: send the browser to
    `authorization_url`. It comes back to the console's `/sign-in/callback` with what finishes it.
    """
    if given.cookie:
        check_same_site(request)
    begun = external.begin(given, client)
    response.headers["Cache-Control"] = "no-store"
    if not given.cookie:
        return begun
    _set_cookie(response, begun.binding or "", max_age_s=BEGUN_LIVES_S)
    return begun.model_copy(update={"binding": None})


@app.post("/api/v1/auth/external/finish", openapi_extra=needs(ANYBODY) | _NOBODY)
async def finish_sign_in(
    given: FinishSignIn, request: Request, response: Response, client: CurrentClient
) -> Token:
    """Finish signing in, by what the provider put on the URL of the callback, once and within ten
    minutes, by whoever began it. Where that is shown by the cookie, the refresh token is in a
    cookie as well.
    """
    binding = given.binding or _from_cookie(request)
    token = external.finish(given, binding, client)
    if given.binding is None:
        _set_cookie(response, "", max_age_s=0)
    return hand_out(token, response, in_cookie=given.binding is None)


def _from_cookie(request: Request) -> SecretStr:
    text = request.cookies.get(COOKIE)
    if text is None:
        raise InvalidSignIn
    check_same_site(request)
    return SecretStr(text)


def _set_cookie(response: Response, value: str, *, max_age_s: int) -> None:
    response.set_cookie(
        COOKIE, value, max_age=max_age_s, path="/", secure=True, httponly=True, samesite="strict"
    )


handler = http_handler(app)
