"""Who sent a push: verification of the OIDC token Pub/Sub puts on every notification.

Source: Google Cloud Pub/Sub, "Authentication for push subscriptions". A token lives an hour and is
used for many notifications, so seeing one twice is no replay.
"""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import jwt

ISSUERS = ["https://accounts.google.com", "accounts.google.com"]
LEEWAY_S = 60
# Tokens of Google are about 1 kB; whatever is longer is not worth parsing.
_LONGEST_TOKEN = 8192
_LARGEST_KEY_SET = 262_144
_TIMEOUT_S = 3.0
# Forged key ids must not make us hammer the key server, nor an outage of it slow every request.
_SECONDS_BETWEEN_FETCHES, _SECONDS_AFTER_FAILURE = 60.0, 5.0
_SHORTEST_FRESH_S, _LONGEST_FRESH_S = 60.0, 86_400.0
# Keys already verified once stay usable this long while the key server is away.
_STALE_S = 86_400.0


class InvalidToken(Exception):
    """The token is not one of ours; the message says which check failed. Answer 401."""


class KeysUnavailable(Exception):
    """The signing keys could not be fetched. Answer 503: Pub/Sub delivers again."""


@dataclass(slots=True)
class _KeySet:
    """Google's public keys by id, and when to ask for them again (epoch seconds)."""

    keys: dict[str, jwt.PyJWK] = field(default_factory=dict[str, jwt.PyJWK])
    fetched_at: float = 0.0
    fresh_until: float = 0.0
    not_asked_before: float = 0.0


_key_sets: dict[str, _KeySet] = {}
_lock = threading.Lock()


def verify(token: str, *, jwks_url: str, audience: str, email: str) -> None:
    """Return if `token` was made by Google for our push subscription.

    `audience` and `email` are the ones configured on the subscription, compared exactly. Raises
    InvalidToken or KeysUnavailable. Fetches keys only when the cached ones do not do.
    """
    key = _key(_key_id(token), jwks_url)
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            audience=audience,
            issuer=ISSUERS,
            leeway=LEEWAY_S,
            options={"require": ["exp", "iat", "iss", "aud", "email"], "strict_aud": True},
        )
    except (jwt.PyJWTError, ValueError, OverflowError) as problem:
        raise InvalidToken(str(problem)) from None
    if claims["email"] != email:
        raise InvalidToken("the token is of another service account")
    if claims.get("email_verified") is not True:
        raise InvalidToken("the service account's address is not verified")


def _key_id(token: str) -> str:
    if len(token) > _LONGEST_TOKEN:
        raise InvalidToken("the token is too long")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError) as problem:
        raise InvalidToken(str(problem)) from None
    if header.get("alg") != "RS256":
        raise InvalidToken("the token is not signed with RS256")
    key_id = header.get("kid")
    if not isinstance(key_id, str):
        raise InvalidToken("the token names no key")
    return key_id


def _key(key_id: str, url: str) -> jwt.PyJWK:
    """The key from the cache; fetched when old or unknown, at most once a minute."""
    with _lock:
        known = _key_sets.setdefault(url, _KeySet())
        now = time.time()
        usable = key_id in known.keys and now < known.fetched_at + _STALE_S
        if key_id in known.keys and now < known.fresh_until:
            return known.keys[key_id]
        if now >= known.not_asked_before:
            try:
                known.keys, lifetime = _fetch(url)
            except (OSError, http.client.HTTPException, ValueError) as problem:
                known.not_asked_before = now + _SECONDS_AFTER_FAILURE
                if not usable:
                    raise KeysUnavailable(f"{url}: {problem}") from problem
            else:
                known.fetched_at = now
                known.fresh_until = now + lifetime
                known.not_asked_before = now + _SECONDS_BETWEEN_FETCHES
                usable = key_id in known.keys
        if usable:
            return known.keys[key_id]
        if not known.keys:
            raise KeysUnavailable(f"{url}: it failed moments ago; not asked again yet")
        raise InvalidToken("the token is signed with an unknown key")


def _fetch(url: str) -> tuple[dict[str, jwt.PyJWK], float]:
    """The keys and for how many seconds they are fresh. Redirects are refused."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the address of the keys must be http or https")
    secure = parts.scheme == "https"
    connect = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = connect(parts.hostname, parts.port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", parts.path or "/", headers={"Accept": "application/json"})
        response = connection.getresponse()
        if response.status != http.HTTPStatus.OK:
            raise ValueError(f"answered {response.status}")
        body = response.read(_LARGEST_KEY_SET + 1)
        cache_control = response.getheader("Cache-Control", "")
    finally:
        connection.close()
    if len(body) > _LARGEST_KEY_SET:
        raise ValueError("the key set is too large")
    return _parse(body), _lifetime(cache_control)


def _parse(body: bytes) -> dict[str, jwt.PyJWK]:
    """Only RSA signing keys: a symmetric one here would let the sender choose the secret."""
    try:
        found = [
            jwt.PyJWK(key, algorithm="RS256")
            for key in json.loads(body)["keys"]
            if key.get("kty") == "RSA" and key.get("use", "sig") == "sig"
        ]
    except (jwt.PyJWTError, KeyError, TypeError, AttributeError) as problem:
        raise ValueError(f"not a key set: {problem}") from problem
    keys = {key.key_id: key for key in found if key.key_id}
    if not keys:
        raise ValueError("the key set is empty")
    return keys


def _lifetime(cache_control: str) -> float:
    found = re.search(r"\bmax-age=(\d{1,9})", cache_control)
    seconds = float(found[1]) if found else _SHORTEST_FRESH_S
    return min(max(seconds, _SHORTEST_FRESH_S), _LONGEST_FRESH_S)
