"""What goes wrong in `haste demo --faults`: what Gmail and Pub/Sub are known to do now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx

from infra_cdk.local.commands.mailrun.stage import WAY_JOBS
from infra_cdk.local.commands.tick import run_job
from infra_cdk.local.stack import Stack

SETTINGS = {
    "MAIL_QUIET_SECONDS": "2",
    "MAIL_RELEASE_AGAIN_SECONDS": "15",
    "OUTBOX_AGE_SECONDS": "2",
}
"""A lost notification is missed after two seconds and not after fifteen minutes."""

RETRY_SECONDS = 1
_TICK_EVERY_S = 1.0

_GET = {"method": "GET", "path": r"/messages/[^/?]+\?"}
_HISTORY = {"method": "GET", "path": r"/history\?"}
# Never three 404s, since a mail that is missing three times is gone, and never a 403 that means it:
# then the mailbox is to be disconnected.
RULES: tuple[dict[str, Any], ...] = (
    {**_GET, "kind": "status", "status": 404, "skip": 2, "count": 2},
    {**_GET, "kind": "status", "status": 500, "probability": 0.08, "count": 6},
    {**_GET, "kind": "status", "status": 503, "probability": 0.05, "count": 4},
    {**_GET, "kind": "truncate", "probability": 0.06, "count": 4},
    {**_GET, "kind": "reset", "probability": 0.04, "count": 3},
    {
        **_GET,
        "kind": "status",
        "status": 429,
        "reason": "rateLimitExceeded",
        "retry_after": 1,
        "probability": 0.05,
        "count": 3,
    },
    {
        **_GET,
        "kind": "status",
        "status": 403,
        "reason": "userRateLimitExceeded",
        "retry_after": 1,
        "retry_as": "date",
        "probability": 0.05,
        "count": 2,
    },
    {**_HISTORY, "kind": "status", "status": 503, "probability": 0.2, "count": 4},
    {
        **_HISTORY,
        "kind": "status",
        "status": 429,
        "reason": "rateLimitExceeded",
        "retry_after": 1,
        "skip": 1,
        "count": 1,
    },
    {"kind": "expired_history", "skip": 2, "count": 1},
    {"kind": "push_drop", "probability": 0.3, "count": 5},
    {"kind": "push_duplicate", "probability": 0.3},
    {"kind": "push_reorder", "probability": 0.2, "count": 5},
    {"kind": "push_number", "probability": 0.2},
)


def inject(google_url: str) -> None:
    """From now on things go wrong, the same ones every time."""
    _ask(google_url, "POST", "_faults", {"rules": list(RULES), "seed": 1})


def stop_injecting(google_url: str) -> int:
    """Nothing goes wrong any more; how often something did."""
    rules = _ask(google_url, "GET", "_faults")["rules"]
    _ask(google_url, "DELETE", "_faults")
    return sum(rule["injected"] for rule in rules)


def set_quota(google_url: str, units_per_minute: int | None) -> None:
    """Let Gmail refuse what goes beyond its quota; None: nothing is refused."""
    _ask(google_url, "PUT", "_quota", {"units_per_minute": units_per_minute})


def ticking(stack: Stack) -> Callable[[], None]:
    """To be called often: once a second it has the jobs run that find what was lost."""
    last = 0.0

    def tick() -> None:
        nonlocal last
        if time.monotonic() - last < _TICK_EVERY_S:
            return
        for function, job in WAY_JOBS:
            run_job(stack.config, function, job)
        last = time.monotonic()

    return tick


def _ask(google_url: str, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    url = f"{google_url}/{path}"
    answer = httpx.request(method, url, json=body, timeout=30, trust_env=False)
    return answer.raise_for_status().json()
