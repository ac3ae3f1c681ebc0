"""OAuth through the proxy: the emulator grants, the proxy remembers, checks and forgets.

The emulator takes any bearer token and forgets its grants when it restarts; here an unknown,
expired or revoked token is 401 and a refresh token outlives restarts.
"""

import base64
import json
import secrets
import time
from typing import Any
from urllib.parse import parse_qs

from infra_cdk.local.google import store
from infra_cdk.local.google.answers import Answer, json_answer
from infra_cdk.local.google.settings import access_token
from infra_cdk.local.google.upstream import Proxy, Request, send

TOKEN_PATHS = frozenset({"/oauth2/token", "/token", "/oauth2/v4/token"})
REVOKE_PATHS = frozenset({"/oauth2/revoke", "/revoke"})
CERTS_PATHS = frozenset({"/oauth2/v3/certs"})
USERINFO_PATHS = frozenset({"/oauth2/v2/userinfo", "/oauth2/v3/userinfo", "/v1/userinfo"})
OPEN_PREFIXES = ("/o/oauth2/", "/.well-known/", "/_emulate/")


def keep_fixed_tokens(proxy: Proxy) -> None:
    for address in proxy.mailboxes:
        token = access_token(address)
        store.keep_grant(proxy.db, store.Grant(token, "access", address, "laptop", "", None))


def whose(proxy: Proxy, headers: Any) -> store.Grant | None:
    """The grant behind a request's bearer token."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return store.find_grant(proxy.db, token, "access") if scheme.lower() == "bearer" else None


async def answer_open(proxy: Proxy, request: Request) -> Answer | None:
    """Answers what needs no bearer token; None for everything else."""
    if request.path in TOKEN_PATHS:
        return await _exchange(proxy, request)
    if request.path in REVOKE_PATHS:
        return await _revoke(proxy, request)
    if request.path in CERTS_PATHS:
        return await _certs(proxy)
    if request.path.startswith(OPEN_PREFIXES):
        return await _pass(proxy, request, request.target)
    return None


async def _pass(proxy: Proxy, request: Request, target: str) -> Answer:
    content_type = request.headers.get("content-type", "application/x-www-form-urlencoded")
    return await send(proxy, request.method, target, body=request.body, content_type=content_type)


async def _exchange(proxy: Proxy, request: Request) -> Answer:
    """The emulator checks the client; whether a refresh token is good, our store knows better."""
    form = _form(request)
    answer = await _pass(proxy, request, "/oauth2/token")
    refresh = store.find_grant(proxy.db, form.get("refresh_token", ""), "refresh")
    if form.get("grant_type") == "refresh_token":
        if answer.status == 200 and refresh is None:
            return json_answer({"error": "invalid_grant"}, 400)
        forgotten = answer.status == 400 and b"invalid_grant" in answer.body
        if forgotten and refresh and refresh.client_id == form.get("client_id"):
            answer = json_answer(_renewed(refresh))
    if answer.status == 200:
        _remember(proxy, form, json.loads(answer.body), refresh)
    return answer


def _renewed(refresh: store.Grant) -> dict[str, Any]:
    return {
        "access_token": f"google_{secrets.token_urlsafe(20)}",
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": refresh.scope,
    }


def _remember(
    proxy: Proxy, form: dict[str, str], granted: dict[str, Any], refresh: store.Grant | None
) -> None:
    mailbox = refresh.mailbox if refresh else _email(granted["id_token"])
    client_id, scope = form.get("client_id", ""), granted.get("scope", "")
    expires_at = time.time() + granted["expires_in"]
    store.keep_grant(
        proxy.db,
        store.Grant(granted["access_token"], "access", mailbox, client_id, scope, expires_at),
    )
    if "refresh_token" in granted:
        store.keep_grant(
            proxy.db,
            store.Grant(granted["refresh_token"], "refresh", mailbox, client_id, scope, None),
        )


def _email(id_token: str) -> str:
    """From the emulator itself, over loopback: nothing to verify."""
    payload = id_token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["email"]


async def _revoke(proxy: Proxy, request: Request) -> Answer:
    token = _form(request).get("token") or request.params().get("token", [""])[0]
    answer = await _pass(proxy, request, "/oauth2/revoke")
    store.revoke(proxy.db, token)
    return answer


async def _certs(proxy: Proxy) -> Answer:
    """The emulator's keys (identity tokens) and ours (push), at one address as at Google."""
    upstream = await send(proxy, "GET", "/oauth2/v3/certs")
    keys = json.loads(upstream.body)["keys"] if upstream.status == 200 else []
    answer = json_answer({"keys": [*keys, proxy.signer.jwk()]})
    return Answer(200, answer.body, {**answer.headers, "cache-control": "public, max-age=19800"})


def _form(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").startswith("application/json"):
        return {name: str(value) for name, value in request.json().items()}
    return {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
