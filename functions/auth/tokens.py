"""Access tokens: JWTs (RFC 7519) signed with ES256, good for one workspace and one sign-in."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import jwt

from functions.auth.keys import KEYS_SIGNED_S, KEYS_VERIFIED_S, Jwk, signing_key_of
from shared.secrets import secret
from shared.settings import setting

_ISSUER = "hastecrm"
_AUDIENCE = "hastecrm-api"
_ALGORITHM = "ES256"
_CLAIMS = ("iss", "aud", "sub", "ws", "sid", "role", "scope", "iat", "exp", "jti")
_CLOCK_SKEW_S = 5  # two machines of one cloud; the session's end is exact anyway


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says: who acts, in which workspace, by which sign-in."""

    user_id: UUID
    workspace_id: UUID
    session_id: UUID
    role: str
    scope: str = ""


class InvalidToken(Exception):
    """The token is not one of ours, or not valid any more."""


def lifetime_s() -> int:
    """For how many seconds a token is good."""
    return int(setting("ACCESS_TOKEN_SECONDS", "900"))


def signing_key() -> Jwk:
    """The private key that signs now."""
    private: Any = secret("auth-private-keys", max_age_s=KEYS_SIGNED_S)
    return signing_key_of(private)


def sign(claims: Claims, key: Jwk, *, lifetime_s: int) -> str:
    """A token that says `claims`, from now on for its lifetime."""
    now = int(time.time())
    payload = {
        "iss": _ISSUER,
        "aud": _AUDIENCE,
        "sub": str(claims.user_id),
        "ws": str(claims.workspace_id),
        "sid": str(claims.session_id),
        "role": claims.role,
        "scope": claims.scope,
        "iat": now,
        "exp": now + lifetime_s,
        "jti": str(uuid4()),
    }
    return jwt.encode(payload, jwt.PyJWK(key), algorithm=_ALGORITHM, headers={"kid": key["kid"]})


def verify(token: str) -> Claims:
    """What a token says, once its signature, issuer, audience and time are found right.

    The algorithm is ours to choose, never the token's (RFC 8725 §3.1).

    Raises:
        InvalidToken: any of them is wrong or missing.
    """
    try:
        payload = jwt.decode(
            token,
            jwt.PyJWK(_key_of(token), _ALGORITHM),
            algorithms=[_ALGORITHM],
            issuer=_ISSUER,
            audience=_AUDIENCE,
            leeway=_CLOCK_SKEW_S,
            options={"require": list(_CLAIMS), "strict_aud": True},
        )
        return Claims(
            user_id=UUID(payload["sub"]),
            workspace_id=UUID(payload["ws"]),
            session_id=UUID(payload["sid"]),
            role=str(payload["role"]),
            scope=str(payload["scope"]),
        )
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError) as error:
        raise InvalidToken from error


def _key_of(token: str) -> Jwk:
    """The public key a token names. A stranger's names do not make us read the keys more often."""
    name: Any = jwt.get_unverified_header(token).get("kid")
    for key in secret("auth-public-keys", max_age_s=KEYS_VERIFIED_S)["keys"]:
        if key["kid"] == name:
            return key
    raise InvalidToken("signed with a key that is not ours")
