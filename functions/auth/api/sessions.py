"""Refreshing, signing out, and the sessions a person has."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response

from functions.auth import session_cache, tokens
from functions.auth.clients import (
    COOKIE,
    CurrentClient,
    check_same_site,
    drop_cookie,
    hand_out,
)
from functions.auth.commands import refreshing
from functions.auth.commands import sessions as commands
from functions.auth.models.accounts import Token
from functions.auth.models.sessions import (
    InvalidRefreshToken,
    ListedSession,
    NoSession,
    Refresh,
    SessionNotFound,
    SignOut,
)
from functions.auth.queries import sessions as queries
from shared.auth import Caller
from shared.db import transaction
from shared.errors import Unauthorized
from shared.http import (
    ANYBODY,
    DEFAULT_LIMIT,
    SIGNED_IN,
    CurrentCaller,
    CursorParam,
    Limit,
    Page,
    create_router,
    decode_cursor,
    needs,
    page,
    transaction_of,
    unrepeatable,
)

routes = create_router()

_ONCE = unrepeatable("nobody is known yet whose key it would be, and a refresh token is good once")
_NOBODY = unrepeatable("nobody is known yet whose key it would be")
_AGAIN = unrepeatable("ending a session again changes nothing")


@routes.post("/api/v1/auth/refresh", openapi_extra=needs(ANYBODY) | _ONCE)
async def refresh(
    given: Refresh, request: Request, response: Response, client: CurrentClient
) -> Token:
    """Get the next access token. The refresh token is good once; the answer has, or sets, the next
    one. One that comes again ends the session, but a moment after its use by the same client, as
    by two tabs of a browser: that is 409, and the cookie then holds the one to go on with.
    """
    said = given.refresh_token
    text = said.get_secret_value() if said else _from_cookie(request)
    if text is None:
        raise InvalidRefreshToken
    token = refreshing.refresh(text, client, workspace_id=given.workspace_id)
    return hand_out(token, response, in_cookie=said is None)


@routes.post("/api/v1/auth/sign-out", status_code=204, openapi_extra=needs(ANYBODY) | _NOBODY)
async def sign_out(given: SignOut, request: Request, response: Response) -> None:
    """End the session of the refresh token, else of the cookie, else of the bearer token. A refresh
    token that is not good any more is answered alike: there is nothing left to end.
    """
    if given.refresh_token is not None:
        refreshing.sign_out(given.refresh_token.get_secret_value())
    elif (text := _from_cookie(request)) is not None:
        refreshing.sign_out(text)
        drop_cookie(response)
    else:
        claims = _claims(request)
        with transaction(claims.workspace_id, user_id=claims.user_id) as tx:
            commands.end_session(tx, claims.session_id, claims.user_id, reason="signed_out")
        session_cache.end(claims.workspace_id, [claims.session_id])


async def _signed_in(caller: CurrentCaller) -> tuple[Caller, UUID]:
    if caller.session_id is None:
        raise NoSession
    return caller, caller.session_id


SignedIn = Annotated[tuple[Caller, UUID], Depends(_signed_in)]


@routes.get("/api/v1/sessions", openapi_extra=needs(SIGNED_IN))
async def list_sessions(
    signed_in: SignedIn, limit: Limit = DEFAULT_LIMIT, cursor: CursorParam = None
) -> Page[ListedSession]:
    """Where the caller is signed in to this workspace."""
    caller, current = signed_in
    after = decode_cursor(cursor)
    with transaction_of(caller) as tx:
        found = queries.list_sessions(tx, current=current, limit=limit + 1, after=after)
    return page(found, limit, key=lambda session: (session.created_at, session.id))


@routes.delete("/api/v1/sessions", status_code=204, openapi_extra=needs(SIGNED_IN) | _AGAIN)
async def end_other_sessions(signed_in: SignedIn) -> None:
    """End all of the caller's sessions in this workspace but the one that asks."""
    caller, current = signed_in
    with transaction_of(caller) as tx:
        ended = commands.end_sessions(tx, caller.user_id, reason="ended", besides=current)
    session_cache.end(caller.workspace_id, ended)


@routes.delete(
    "/api/v1/sessions/{session_id}", status_code=204, openapi_extra=needs(SIGNED_IN) | _AGAIN
)
async def end_session(session_id: UUID, signed_in: SignedIn) -> None:
    """End one of the caller's sessions in this workspace."""
    caller, _ = signed_in
    with transaction_of(caller) as tx:
        if not commands.end_session(tx, session_id, caller.user_id, reason="ended"):
            raise SessionNotFound
    session_cache.end(caller.workspace_id, [session_id])


def _from_cookie(request: Request) -> str | None:
    """The cookie's refresh token, where it is a page of our own that asks."""
    text = request.cookies.get(COOKIE)
    if text is not None:
        check_same_site(request)
    return text


def _claims(request: Request) -> tokens.Claims:
    """What the bearer token says; public routes pass no authorizer."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        if scheme.lower() == "bearer":
            return tokens.verify(token.strip())
    except tokens.InvalidToken:
        pass
    raise Unauthorized
