"""The Lambda REQUEST authorizer of private routes, closed by default as API Gateway's is.

The function gets the request and answers an IAM policy, which is kept 30 s for the caller's
credentials and evaluated at each request. Whatever is not an allowing policy lets nobody in.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from infra_cdk.gateway_problems import DENIED, UNAUTHENTICATED, UNCHECKED, GatewayProblem
from infra_cdk.local.gateway_events import Event, to_authorizer_event
from infra_cdk.local.slot import Result

CACHE_SECONDS = 30.0
_CACHE_ENTRIES = 10_000
_INVOKE = "execute-api:Invoke"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of an IAM policy."""

    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """An authorizer's answer: a policy, and what functions are told about the caller."""

    statements: tuple[Statement, ...]
    context: dict[str, Any]

    def allows(self, method_arn: str) -> bool:
        """IAM's rule: some statement allows it and none denies it."""
        effects = {
            statement.effect
            for statement in self.statements
            if any(_matches(action, _INVOKE, re.IGNORECASE) for action in statement.actions)
            and any(_matches(resource, method_arn) for resource in statement.resources)
        }
        return effects == {"Allow"}


class MalformedPolicy(ValueError):
    """The authorizer's answer is not a policy we can evaluate; nobody gets in by it."""


class Authorizer:
    """Checks requests by calling the authorizer function, if one is declared."""

    def __init__(
        self,
        invoke: Callable[[Event], Awaitable[Result]] | None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._invoke = invoke
        self._now = now
        self._grants: dict[str, tuple[float, Grant]] = {}

    async def check(self, event: Event, method_arn: str) -> dict[str, Any] | GatewayProblem:
        """The caller's context for `requestContext.authorizer`, or why there is none."""
        values: list[str] = (event["multiValueHeaders"] or {}).get("Authorization", [])
        if not any(value.strip() for value in values):
            return UNAUTHENTICATED
        identity = "\n".join(values)
        found = self._remembered(identity)
        if found is None:
            found = await self._ask(event, method_arn)
            if isinstance(found, GatewayProblem):
                return found
            self._remember(identity, found)
        return found.context if found.allows(method_arn) else DENIED

    async def _ask(self, event: Event, method_arn: str) -> Grant | GatewayProblem:
        if self._invoke is None:
            return UNCHECKED
        return granted(await self._invoke(to_authorizer_event(event, method_arn)))

    def _remembered(self, identity: str) -> Grant | None:
        expires, grant = self._grants.get(identity, (0.0, None))
        return grant if expires > self._now() else None

    def _remember(self, identity: str, grant: Grant) -> None:
        if len(self._grants) >= _CACHE_ENTRIES:
            self._grants.clear()
        self._grants[identity] = (self._now() + CACHE_SECONDS, grant)


def granted(result: Result) -> Grant | GatewayProblem:
    """What an authorizer's answer grants."""
    if result.error is not None:
        said = result.error.get("errorMessage")
        return UNAUTHENTICATED if said == "Unauthorized" else UNCHECKED
    try:
        return parse_grant(result.json())
    except ValueError:
        return UNCHECKED


def parse_grant(answer: object) -> Grant:
    """An authorizer's answer, checked.

    Raises:
        MalformedPolicy: a part is missing or of a kind we do not evaluate (`Condition`,
            `NotAction`, `NotResource`), or a context value is not a string, number or boolean.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("principalId"), str):
        raise MalformedPolicy("no principalId")
    policy = answer.get("policyDocument")
    if not isinstance(policy, dict):
        raise MalformedPolicy("no policyDocument")
    statements = policy.get("Statement")
    listed = statements if isinstance(statements, list) else [statements]
    context = answer.get("context")
    if context is not None and not isinstance(context, dict):
        raise MalformedPolicy("context must be an object")
    told = {key: _context_value(key, value) for key, value in (context or {}).items()}
    told |= {"principalId": answer["principalId"], "integrationLatency": 0}
    return Grant(tuple(_statement(one) for one in listed), told)


def _statement(one: object) -> Statement:
    if not isinstance(one, dict) or not one.keys() <= {"Sid", "Effect", "Action", "Resource"}:
        raise MalformedPolicy("a statement has Effect, Action and Resource, and nothing else")
    effect = one.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise MalformedPolicy("Effect must be Allow or Deny")
    return Statement(effect, _strings(one.get("Action")), _strings(one.get("Resource")))


def _strings(value: object) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [value]
    found = tuple(one for one in listed if isinstance(one, str) and one)
    if not found or len(found) != len(listed):
        raise MalformedPolicy("Action and Resource must be strings or lists of strings")
    return found


def _context_value(key: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise MalformedPolicy(f"context {key} must be a string, a number or a boolean")


def _matches(pattern: str, text: str, flags: re.RegexFlag = re.NOFLAG) -> bool:
    return _compiled(pattern, flags).fullmatch(text) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str, flags: re.RegexFlag) -> re.Pattern[str]:
    """IAM's wildcards: `*` is any text, `?` one character."""
    parts = {"*": ".*", "?": "."}
    expression = "".join(parts.get(char) or re.escape(char) for char in pattern)
    return re.compile(expression, flags | re.DOTALL)
