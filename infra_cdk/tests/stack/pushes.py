"""Notifications as Google sends them, and as others would like to."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from infra_cdk.local.google.push import ISSUER, envelope, load_signer
from infra_cdk.local.stack import Stack


@dataclass(frozen=True)
class Push:
    """A notification. `claims` replace those of a good token; `key` signs it, None is Google's."""

    body: bytes
    claims: dict[str, Any] = field(default_factory=dict)
    key: rsa.RSAPrivateKey | None = None
    algorithm: str = "RS256"


def about(stack: Stack, address: str, history_id: str | int) -> Push:
    """What Google sends when a mailbox has changed."""
    name = stack.config.settings["PUSH_SUBSCRIPTION"]
    return Push(envelope(address, history_id, str(time.time_ns()), name))


def saying(stack: Stack, data: Any) -> Push:
    """A notification whose data is something else."""
    text = data if isinstance(data, bytes) else json.dumps(data).encode()
    message = {"data": base64.b64encode(text).decode(), "messageId": "1"}
    subscription = stack.config.settings["PUSH_SUBSCRIPTION"]
    return Push(json.dumps({"message": message, "subscription": subscription}).encode())


def send(stack: Stack, push: Push) -> httpx.Response:
    """Deliver a notification to the webhook."""
    return post(stack, push.body, {"Authorization": f"Bearer {_token(stack, push)}"})


def post(stack: Stack, body: bytes, headers: dict[str, str]) -> httpx.Response:
    """Anything at all to the webhook."""
    return httpx.post(
        f"{stack.api_url}/webhooks/gmail",
        content=body,
        headers={"Content-Type": "application/json", **headers},
        timeout=60,
        trust_env=False,
    )


def forged(push: Push, **changes: Any) -> Push:
    """The same with another token."""
    return replace(push, **changes)


def _token(stack: Stack, push: Push) -> str:
    settings, now = stack.config.settings, int(time.time())
    signer = load_signer(stack.state.data / "google" / "push-key.pem")
    claims = {
        "iss": ISSUER,
        "aud": settings["PUSH_AUDIENCE"],
        "sub": "100000000000000000001",
        "email": settings["PUSH_EMAIL"],
        "email_verified": True,
        "iat": now,
        "exp": now + 3600,
        **push.claims,
    }
    if push.algorithm == "none":
        return jwt.encode(claims, "", algorithm="none", headers={"kid": signer.kid})
    key = push.key or signer.key
    return jwt.encode(claims, key, algorithm=push.algorithm, headers={"kid": signer.kid})
