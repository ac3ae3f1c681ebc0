"""What tests around a running Google share; the fixtures are in `fixtures.py`."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from infra_cdk.local.google.emulate import Google

MAILBOXES = tuple(f"{name}@acme.example" for name in ("ana", "ben", "cleo", "dan", "eve", "fay"))
AUDIENCE = "https://crm.example/webhooks/gmail"
PUSH_EMAIL = "push@project.iam.gserviceaccount.com"
SUBSCRIPTION = "projects/laptop/subscriptions/gmail"
CLIENT_ID, CLIENT_SECRET = "laptop.apps.googleusercontent.com", "laptop-secret"
REDIRECT_URI = "http://127.0.0.1/oauth/callback"
CONSOLE_URL = "http://127.0.0.1"
SIGN_IN_URI = f"{CONSOLE_URL}/sign-in/callback"


@dataclass
class Webhook:
    """A real HTTP server that takes notifications; `answers` are its next statuses, else 204."""

    url: str
    received: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def notices(self, mailbox: str) -> list[dict[str, Any]]:
        """The decoded data of every notification about a mailbox, in order of arrival."""
        data = [json.loads(base64.b64decode(body["message"]["data"])) for _, body in self.received]
        return [notice for notice in data if notice["emailAddress"] == mailbox]


def calm(google: Google) -> None:
    """No faults and no quota."""
    httpx.delete(f"{google.url}/_faults", trust_env=False)
    httpx.put(f"{google.url}/_quota", json={"units_per_minute": None}, trust_env=False)


def set_faults(google: Google, *rules: dict[str, Any], seed: int = 0) -> None:
    body = {"rules": list(rules), "seed": seed}
    httpx.post(f"{google.url}/_faults", json=body, trust_env=False).raise_for_status()


def injected(google: Google) -> list[int]:
    """How often each rule fired."""
    rules = httpx.get(f"{google.url}/_faults", trust_env=False).json()["rules"]
    return [rule["injected"] for rule in rules]


def eventually(condition: Callable[[], bool], *, within_s: float = 20) -> None:
    """Polls until the condition holds; fails the test when it never does."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)
