"""The Lambda authorizer of every private route: a token or API key in, a policy and the caller out.

API Gateway keeps the answer for a token for a while and reuses it for other routes, so the policy
is for the whole stage. The one error it turns into 401 is the exact message "Unauthorized"; any
other failure answers 500, and nobody gets in.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from functions.auth import keyring, session_cache, tokens
from functions.auth.models.accounts import Session
from functions.auth.queries import accounts as queries
from functions.auth.session_cache import Known
from shared.db import transaction
from shared.invocation import LambdaContext, invocation
from shared.log import about

_SESSIONS_KEPT = 10_000

_sessions: dict[tuple[UUID, UUID], Known] = {}


class Refused(Exception):
    """The request does not get in. API Gateway knows it by its message, not by its class."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


def authorize(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The policy for a request with a good token or API key.

    Raises:
        Refused: there is none, it is not valid, or its session is over.
        psycopg.OperationalError: session or key cannot be read, so they cannot be trusted.
    """
    given = _bearer(event)
    caller = _of_key(given) if keyring.is_key(given) else _of_token(given)
    about(workspace_id=caller["workspace_id"], user_id=caller["user_id"])
    return _policy(event["methodArn"], caller)


def _of_token(text: str) -> dict[str, str]:
    """The caller that an access token names."""
    try:
        claims = tokens.verify(text)
    except tokens.InvalidToken:
        raise Refused from None
    session = _session(claims)
    if session is None or session.user_id != claims.user_id:
        raise Refused
    return {
        "workspace_id": str(claims.workspace_id),
        "user_id": str(claims.user_id),
        "session_id": str(claims.session_id),
        "access": str(session.access),
        **({"sso": "true"} if session.method == "oidc" else {}),
    }


def _of_key(text: str) -> dict[str, str]:
    """The caller that an API key names."""
    admitted = keyring.admit(text)
    if admitted is None:
        raise Refused
    rate = admitted.rate_limit_per_s
    return {
        "workspace_id": str(admitted.workspace_id),
        "user_id": str(admitted.user_id),
        "key_id": str(admitted.key_id),
        "access": str(admitted.access),
        **({"rate": str(rate)} if rate else {}),
    }


def _bearer(event: Mapping[str, Any]) -> str:
    """The one bearer token of a request (RFC 6750 §2.1)."""
    single: Mapping[str, str] = event.get("headers") or {}
    several: Mapping[str, list[str]] = event.get("multiValueHeaders") or {}
    headers = several or {name: [value] for name, value in single.items()}
    given = [
        v for name, values in headers.items() if name.lower() == "authorization" for v in values
    ]
    if len(given) != 1:
        raise Refused
    scheme, _, token = given[0].strip().partition(" ")
    if scheme.lower() != "bearer":
        raise Refused
    return token.strip()


def _session(claims: tokens.Claims) -> Session | None:
    """The token's sign-in as Postgres had it at most 25 s ago; None where it is over."""
    key = (claims.workspace_id, claims.session_id)
    known = _sessions.pop(key, None)
    if known is None or not known.is_fresh:
        known = session_cache.find(*key) or _read(claims)
    session = known.session
    if session is None or session.expires_at.timestamp() <= time.time():
        return None
    if len(_sessions) >= _SESSIONS_KEPT:
        _sessions.clear()
    _sessions[key] = known
    return session


def _read(claims: tokens.Claims) -> Known:
    """The sign-in as Postgres has it."""
    read_at = time.time()
    with transaction(claims.workspace_id, user_id=claims.user_id) as tx:
        session = queries.find_session(tx, claims.session_id)
    if session is not None:
        key = (claims.workspace_id, claims.session_id)
        session_cache.keep(*key, session, read_at=read_at)
    return Known(read_at, session)


def _policy(method_arn: str, caller: dict[str, str]) -> dict[str, Any]:
    api, stage, *_ = method_arn.split("/")
    statement = {
        "Effect": "Allow",
        "Action": "execute-api:Invoke",
        "Resource": f"{api}/{stage}/*/*",
    }
    return {
        "principalId": caller["user_id"],
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": caller,
    }


handler = invocation(authorize)
