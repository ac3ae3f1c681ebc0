"""Notifications to the deployed webhook: as Google sends them, and as somebody else would."""

from __future__ import annotations

import time
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from infra_cdk.local.google.push import ISSUER, envelope, load_signer
from infra_cdk.tests.fidelity.deployed import Deployment


def push(
    deployment: Deployment,
    address: str,
    history_id: int,
    *,
    key: rsa.RSAPrivateKey | None = None,
    **claims: Any,
) -> httpx.Response:
    """Say that a mailbox has changed. `claims` replace those of a good token, `key` Google's."""
    signer, now = load_signer(deployment.state.data / "google" / "push-key.pem"), int(time.time())
    setting = deployment.stage.setting
    token = jwt.encode(
        {
            "iss": ISSUER,
            "aud": setting("PUSH_AUDIENCE"),
            "sub": "100000000000000000001",
            "email": setting("PUSH_EMAIL"),
            "email_verified": True,
            "iat": now,
            "exp": now + 3600,
            **claims,
        },
        key or signer.key,
        algorithm="RS256",
        headers={"kid": signer.kid},
    )
    subscription = setting("PUSH_SUBSCRIPTION") or ""
    return httpx.post(
        f"{deployment.api_url}/webhooks/gmail",
        content=envelope(address, history_id, str(time.time_ns()), subscription),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        timeout=60,
        trust_env=False,
    )
