"""The keys that sign access tokens: P-256 pairs as JSON Web Keys (RFC 7517), and their turns.

Two secrets hold them. `auth-private-keys` is for the signing function alone; `auth-public-keys` is
for whoever verifies. A key comes into the first as *waiting*, is then published in the second, and
signs once everybody must have seen it there; its predecessor stays in both until its last token has
expired. What is due follows from what both hold and from nothing else, so that whoever takes the
next step need not know who took the one before, or died in between.

Private keys say when they were made (`iat`) and since when they sign (`nbf`, none while waiting);
published ones say since when they are (`iat`).
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

Jwk = dict[str, Any]
KeySet = dict[str, list[Jwk]]

KEYS_VERIFIED_S = 25
"""How old the public keys may be that a token is verified with: like a session that is revoked, a
key that is withdrawn is of no use within a minute.
"""
KEYS_SIGNED_S = 60
"""How old the private keys may be that a token is signed with."""
KEYS_SHARED_S = 300
"""How long others may keep what we publish."""
_SEEN_BY_ALL_S = 3600
"""How long a key is published before it signs."""
_LEEWAY_S = 300
"""How far the clocks of those who turn, sign and verify may differ."""

_PUBLIC = ("kty", "crv", "x", "y", "kid", "alg", "use")


def new_private_keys(older: Sequence[Jwk] = ()) -> KeySet:
    """A JSON Web Key Set with a new private key, and behind it those given."""
    made: Jwk = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True)
    named: Jwk = {**made, "kid": _thumbprint(made), "alg": "ES256", "use": "sig"}
    return {"keys": [named, *older]}


def first_keys(now: int) -> KeySet:
    """The first private key there is: it signs at once, as no token is out yet."""
    [key] = new_private_keys()["keys"]
    return {"keys": [key | {"iat": now, "nbf": now}]}


def public_keys(keys: KeySet) -> KeySet:
    """The public halves of keys, in the same order, and nothing else of them."""
    return {"keys": [{k: key[k] for k in _PUBLIC if k in key} for key in keys["keys"]]}


def signing_key_of(private: KeySet) -> Jwk:
    """The key to sign with: the newest that is not waiting.

    Raises:
        LookupError: there is none.
    """
    return next(key for key in private["keys"] if not _waits(key))


def turned(private: KeySet, public: KeySet, now: int, *, every_s: int, token_s: int) -> KeySet:
    """The private keys as they should be now: a waiting key signs once all have seen it published;
    a new one waits when the one that signs is `every_s` old; those are gone whose last token is.

    At most one key waits. A key that says nothing of its age counts as old; `token_s` is for how
    long a token is good. There has to be a key.
    """
    since = {key["kid"]: key.get("iat", 0) for key in public["keys"]}
    keys = [
        key | {"nbf": now}
        if _waits(key) and now - since.get(key["kid"], now) >= _SEEN_BY_ALL_S
        else key
        for key in private["keys"]
    ]
    if not _waits(keys[0]) and now - keys[0].get("iat", 0) >= every_s:
        [new] = new_private_keys()["keys"]
        keys = [new | {"iat": now}, *keys]
    kept: list[Jwk] = []
    replaced_at = now  # when the next younger key began to sign
    for place, key in enumerate(keys):
        if place == 0 or now - replaced_at < KEYS_SIGNED_S + token_s + _LEEWAY_S:
            kept.append(key)
        if not _waits(key):
            replaced_at = key.get("nbf", replaced_at)
    return {"keys": kept}


def published(private: KeySet, public: KeySet, now: int) -> KeySet:
    """The public keys as they should be: those of the private ones, each since it first was."""
    known = {key["kid"]: key for key in public["keys"]}
    halves = public_keys(private)["keys"]
    return {"keys": [known.get(half["kid"], half | {"iat": now}) for half in halves]}


def _waits(key: Jwk) -> bool:
    return "iat" in key and "nbf" not in key


def _thumbprint(key: Jwk) -> str:
    """RFC 7638: the SHA-256 of the members that make the key, in the order of their names."""
    members = {name: key[name] for name in ("crv", "kty", "x", "y")}
    digest = sha256(json.dumps(members, separators=(",", ":")).encode()).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")
