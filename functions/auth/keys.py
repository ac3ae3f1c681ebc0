"""The keys that sign access tokens: P-256 pairs as JSON Web Keys (RFC 7517).

Two secrets hold them. `auth-private-keys` is for the signing function alone; `auth-public-keys` is
for whoever verifies. The first deploy makes the first pair (`deploy.py`). To rotate: make the new
private keys with the old ones behind them, publish the public keys of both first, and drop the old
pair once the last token it signed has expired.
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


def new_private_keys(older: Sequence[Jwk] = ()) -> KeySet:
    """A JSON Web Key Set with a new private key, and behind it those given."""
    made: Jwk = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True)
    named: Jwk = {**made, "kid": _thumbprint(made), "alg": "ES256", "use": "sig"}
    return {"keys": [named, *older]}


def public_keys(private: KeySet) -> KeySet:
    """The public halves of a set of private keys, in the same order."""
    return {"keys": [{k: v for k, v in key.items() if k != "d"} for key in private["keys"]]}


def _thumbprint(key: Jwk) -> str:
    """RFC 7638: the SHA-256 of the members that make the key, in the order of their names."""
    members = {name: key[name] for name in ("crv", "kty", "x", "y")}
    digest = sha256(json.dumps(members, separators=(",", ":")).encode()).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")
