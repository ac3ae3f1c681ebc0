"""The Lambda authorizer of every private route: a token in, a policy and the caller out.

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

from functions.auth import tokens
from functions.auth.models.accounts import Session
from functions.auth.queries import accounts as queries
from shared.db import transaction
from shared.invocation import LambdaContext, invocation
from shared.log import about

_SESSION_KEPT_S = 30.0
_SESSIONS_KEPT = 10_000

_sessions: dict[tuple[UUID, UUID], tuple[float, Session]] = {}


class Refused(Exception):
    """The request does not get in. API Gateway knows it by its message, not by its class."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


def authorize(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The policy for a request with a good token.

    Raises:
        Refused: there is no token, it is not valid, or its session is over.
        psycopg.OperationalError: the session cannot be read, so it cannot be trusted.
    """
    try:
        claims = tokens.verify(_bearer(event))
    except tokens.InvalidToken:
        raise Refused from None
    session = _session(claims)
    if session is None or session.user_id != claims.user_id:
        raise Refused
    about(workspace_id=claims.workspace_id, user_id=claims.user_id)
    return _policy(event["methodArn"], claims, session)


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
    """The token's sign-in as Postgres had it at most 30 s ago; None where it is over."""
    key = (claims.workspace_id, claims.session_id)
    read_at, session = _sessions.get(key, (0.0, None))
    if session is None or time.monotonic() - read_at > _SESSION_KEPT_S:
        with transaction(claims.workspace_id, user_id=claims.user_id) as tx:
            session = queries.find_session(tx, claims.session_id)
        if session is None:
            _sessions.pop(key, None)
            return None
        if len(_sessions) >= _SESSIONS_KEPT:
            _sessions.clear()
        _sessions[key] = (time.monotonic(), session)
    return session if session.expires_at.timestamp() > time.time() else None


def _policy(method_arn: str, claims: tokens.Claims, session: Session) -> dict[str, Any]:
    api, stage, *_ = method_arn.split("/")
    statement = {
        "Effect": "Allow",
        "Action": "execute-api:Invoke",
        "Resource": f"{api}/{stage}/*/*",
    }
    return {
        "principalId": str(claims.user_id),
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {
            "workspace_id": str(claims.workspace_id),
            "user_id": str(claims.user_id),
            "session_id": str(claims.session_id),
            "access": str(session.access),
        },
    }


handler = invocation(authorize)
