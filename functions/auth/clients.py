"""Where a request comes from, and the cookie that browsers keep their refresh token in.

No script reads the cookie, no other site's page sends it, and it comes to these routes alone. What
uses it must besides be asked for by a page of our own: browsers say so in `Sec-Fetch-Site`, older
ones in `Origin`, and a body of JSON is nothing that a form can send.
https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
"""

from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response

from functions.auth.models.accounts import Token
from functions.auth.models.sessions import Client
from shared.errors import Forbidden
from shared.log import about

COOKIE = "__Secure-haste-refresh"
"""Browsers take it on `http://127.0.0.1` and `http://localhost` as well, as they are trustworthy:
https://www.w3.org/TR/secure-contexts/#is-origin-trustworthy
"""
_PATH = "/api/v1/auth"


class CrossSite(Forbidden):
    """Cookies are for pages of this site; others send the refresh token in the body."""


async def _client(request: Request) -> Client:
    """The client as API Gateway saw it: no header of the request's own has a say in the address."""
    event: dict[str, Any] = request.scope.get("aws.event") or {}
    context: dict[str, Any] = event.get("requestContext") or {}
    identity: dict[str, Any] = context.get("identity") or {}
    return Client.seen(identity.get("sourceIp"), identity.get("userAgent"))


CurrentClient = Annotated[Client, Depends(_client)]


def check_same_site(request: Request) -> None:
    """Go on only for a page of our own.

    Raises:
        CrossSite: the request is by another site's page, or by something that is no browser.
    """
    fetched = request.headers.get("sec-fetch-site")
    if fetched is None:
        origin = urlsplit(request.headers.get("origin", ""))
        fetched = "same-origin" if origin.netloc == request.headers.get("host") else "cross-site"
    content = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if fetched != "same-origin" or content != "application/json":
        raise CrossSite


def hand_out(token: Token, response: Response, *, in_cookie: bool) -> Token:
    """The answer with a token, its refresh token in a cookie where that is wanted. No cache on the
    way may keep it (RFC 6749 §5.1).
    """
    response.headers["Cache-Control"] = "no-store"
    about(workspace_id=token.workspace_id, user_id=token.user_id)
    if not in_cookie:
        return token
    _set_cookie(response, token.refresh_token or "", max_age_s=token.refresh_expires_in)
    return token.model_copy(update={"refresh_token": None})


def drop_cookie(response: Response) -> None:
    """Let the browser forget the refresh token."""
    _set_cookie(response, "", max_age_s=0)


def _set_cookie(response: Response, value: str, *, max_age_s: int) -> None:
    response.set_cookie(
        COOKIE,
        value,
        max_age=max_age_s,
        path=_PATH,
        secure=True,
        httponly=True,
        samesite="strict",
    )
