"""How many requests a workspace and a caller may make, and what every answer says of it.

Reading and changing have budgets of their own, each for the workspace and for the person or API key
that asks, where a key may have a lower one. A request that a budget refuses is answered before
anything is done; it takes from no budget. Where the cache does not answer, requests go through and
a metric counts them.

The headers are those of draft-ietf-httpapi-ratelimit-headers-11, structured fields (RFC 9651):
`RateLimit-Policy` has the quotas `q` and windows `w`, `RateLimit` what remains, `r`, and for how
many seconds there will not be more, `t`.
https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/11/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from types import MappingProxyType
from typing import Any, Literal, get_args

from fastapi import Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.auth import Caller, caller_of
from shared.errors import FieldError, TooManyRequests, Unauthorized
from shared.http.problems import problem
from shared.limits import Budget, Policy, spend
from shared.log import logger, metrics
from shared.settings import setting

Owner = Literal["workspace", "caller"]
Action = Literal["read", "write"]
_READING = {"GET", "HEAD", "OPTIONS"}

DEFAULTS: Mapping[str, Policy] = MappingProxyType(
    {
        policy.name: policy
        for policy in (
            Policy("workspace-read", 1000, 10),
            Policy("workspace-write", 250, 10),
            Policy("caller-read", 500, 10),
            Policy("caller-write", 150, 10),
        )
    }
)
"""100 reads and 25 changes a second for a workspace, and for one caller 50 and 15; ten seconds'
worth may come at once.
"""


def limited(app: ASGIApp) -> ASGIApp:
    """An app whose callers have limits. Requests that passed no authorizer, as those to public
    routes, go through: nobody is known who could be limited.
    """

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        caller = _caller(scope)
        if caller is None:
            await app(scope, receive, send)
            return
        keys = _keys(caller, _action(scope))
        budgets = spend(caller.workspace_id, keys)
        telling = _telling(send, _headers([policy for policy, _ in keys], budgets))
        if budgets is None:
            metrics.add_metric(name="RateLimitUnavailable", unit="Count", value=1)
        elif any(budget.wait_s for budget in budgets):
            await _refusal(Request(scope), budgets)(scope, receive, telling)
            return
        await app(scope, receive, telling)

    return guarded


@dataclass(frozen=True, slots=True)
class Standing:
    """A policy that applies to a caller, and what remains under it; None while nobody counts."""

    of: Owner
    action: Action
    policy: Policy
    remaining: int | None


def standing(caller: Caller) -> list[Standing]:
    """Every policy that applies to a caller, and what remains. Asking takes from none."""
    actions = get_args(Action)
    keys = [key for action in actions for key in _keys(caller, action)]
    budgets = spend(caller.workspace_id, keys, cost=0)
    remaining = [budget.remaining for budget in budgets] if budgets else [None] * len(keys)
    kinds = product(actions, get_args(Owner))
    return [
        Standing(of, action, policy, left)
        for (action, of), (policy, _), left in zip(kinds, keys, remaining, strict=True)
    ]


def _action(scope: Scope) -> Action:
    """What a request is, without a look at its route: lists that take a filter in their body are
    `POST .../query`.
    """
    reading = scope["method"] in _READING or scope["path"].endswith("/query")
    return "read" if reading else "write"


def _caller(scope: Scope) -> Caller | None:
    event: dict[str, Any] | None = scope.get("aws.event")
    try:
        return caller_of(event) if event else None
    except Unauthorized:
        return None


def _keys(caller: Caller, action: Action) -> list[tuple[Policy, str]]:
    """The policies of a request by their owners, and what each is counted under."""
    policies = _policies(setting("RATE_LIMITS", ""))
    workspace, own = (policies[f"{owner}-{action}"] for owner in get_args(Owner))
    if caller.rate_limit is not None:
        own = Policy(own.name, min(own.quota, caller.rate_limit * own.window_s), own.window_s)
    return [(workspace, workspace.name), (own, f"{own.name}-{caller.key_id or caller.user_id}")]


@lru_cache(maxsize=1)
def _policies(text: str) -> Mapping[str, Policy]:
    """The policies by their names, as the deployment's setting has them:
    `workspace-read=1000/10 caller-write=150/10` are requests, and the seconds that bring them back.
    What it does not name is as in `DEFAULTS`; so is everything where it cannot be read, because a
    slip of the pen must not shut the API.
    """
    try:
        return {**DEFAULTS, **{one.name: one for one in map(_policy, text.split())}}
    except ValueError:
        logger.exception("the setting RATE_LIMITS is not understood; the defaults hold")
        return DEFAULTS


def _policy(text: str) -> Policy:
    name, _, numbers = text.partition("=")
    quota, _, window_s = numbers.partition("/")
    if name not in DEFAULTS:
        raise ValueError(f"there is no {name!r}, but {', '.join(DEFAULTS)}")
    return Policy(name, int(quota), int(window_s))


def _refusal(request: Request, budgets: Iterable[Budget]) -> Response:
    metrics.add_metric(name="RateLimited", unit="Count", value=1)
    refusing = [budget for budget in budgets if budget.wait_s]
    errors = tuple(
        FieldError("", f"{p.name}: {p.quota} requests in {p.window_s} seconds", "quota_exceeded")
        for p in (budget.policy for budget in refusing)
    )
    wait_s = max(budget.wait_s for budget in refusing)
    return problem(request, TooManyRequests(errors=errors, retry_after_s=wait_s))


def _headers(
    policies: Iterable[Policy], budgets: Iterable[Budget] | None
) -> list[tuple[bytes, bytes]]:
    allowed = ", ".join(f'"{one.name}";q={one.quota};w={one.window_s}' for one in policies)
    found = [(b"ratelimit-policy", allowed.encode())]
    if budgets is not None:
        left = ", ".join(f'"{b.policy.name}";r={b.remaining};t={b.fixed_s}' for b in budgets)
        found.append((b"ratelimit", left.encode()))
    return found


def _telling(send: Send, headers: Iterable[tuple[bytes, bytes]]) -> Send:
    """Send with the headers on the answer."""

    async def tell(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *headers]}
        await send(message)

    return tell
