"""What Google's APIs answer beside the data: error bodies, and the `fields` parameter."""

import json
import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def json_answer(value: Any, status: int = 200) -> Answer:
    return Answer(
        status, json.dumps(value).encode(), {"content-type": "application/json; charset=UTF-8"}
    )


# HTTP status: (canonical status, default reason, default message)
_ERRORS = {
    400: ("FAILED_PRECONDITION", "failedPrecondition", "Precondition check failed."),
    401: (
        "UNAUTHENTICATED",
        "authError",
        "Request had invalid authentication credentials. Expected OAuth 2 access token.",
    ),
    403: ("PERMISSION_DENIED", "insufficientPermissions", "Insufficient Permission"),
    404: ("NOT_FOUND", "notFound", "Requested entity was not found."),
    429: ("RESOURCE_EXHAUSTED", "rateLimitExceeded", "User-rate limit exceeded."),
    500: ("INTERNAL", "backendError", "Internal error encountered."),
    503: ("UNAVAILABLE", "backendError", "The service is currently unavailable."),
}


def error(status: int, reason: str | None = None, message: str | None = None) -> Answer:
    """An error as Gmail words it."""
    canonical, default_reason, default_message = _ERRORS.get(
        status, ("UNKNOWN", "backendError", "Unknown error.")
    )
    text = message or default_message
    detail = {"message": text, "domain": "global", "reason": reason or default_reason}
    body = {"code": status, "message": text, "errors": [detail], "status": canonical}
    return json_answer({"error": body}, status)


def throttled(
    status: int,
    seconds: float,
    say: Literal["seconds", "date", "message"],
    *,
    reason: str | None = None,
    message: str | None = None,
) -> Answer:
    """An error that says when to come back, in one of the three ways Google says it."""
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    if say == "message":
        at = until.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return error(status, reason, f"{message or 'User-rate limit exceeded.'}  Retry after {at}")
    plain = error(status, reason, message)
    value = str(math.ceil(seconds)) if say == "seconds" else format_datetime(until, usegmt=True)
    return Answer(status, plain.body, {**plain.headers, "retry-after": value})


_TOKENS = re.compile(r"[^,()/]+|[,()/]")


def parse_fields(expression: str) -> dict[str, Any]:
    """`a,b(c,d),e/f` as nested dicts; an empty one means everything below. Raises ValueError.

    Source: Google APIs "Partial response".
    """
    tokens = _TOKENS.findall(expression.replace(" ", ""))
    mask = _selection(tokens)
    if tokens or not mask:
        raise ValueError(expression)
    return mask


def _selection(tokens: list[str]) -> dict[str, Any]:
    mask: dict[str, Any] = {}
    while tokens and tokens[0] != ")":
        name = tokens.pop(0)
        if name in ",(/":
            raise ValueError(name)
        level = mask.setdefault(name, {})
        while tokens and tokens[0] == "/":
            tokens.pop(0)
            if not tokens:
                raise ValueError(name)
            level = level.setdefault(tokens.pop(0), {})
        if tokens and tokens[0] == "(":
            tokens.pop(0)
            level.update(_selection(tokens))
            if not tokens:
                raise ValueError(name)
            tokens.pop(0)
        if tokens and tokens[0] == ",":
            tokens.pop(0)
    return mask


def select(value: Any, mask: dict[str, Any]) -> Any:
    """The part of a JSON value that a `fields` mask asks for."""
    if not mask or "*" in mask:
        return value
    if isinstance(value, list):
        return [select(item, mask) for item in value]
    if isinstance(value, dict):
        return {name: select(value[name], below) for name, below in mask.items() if name in value}
    return value
