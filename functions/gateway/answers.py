"""What every operation may answer besides its own, said of the whole API: its errors, and headers.

An operation's description tells which of them it can have: what it takes as permission, in its path
and in `If-Match`.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from functions.gateway.models import EXAMPLE
from functions.gateway.schema_names import SCHEMAS
from shared.access import ANYBODY, PERMISSION, SIGNED_IN

Json = dict[str, Any]

HEADERS: Mapping[str, tuple[str, str]] = {
    "ETag": ("The version, to be sent back as `If-Match`.", '"3"'),
    "Location": (
        "The path of what was made.",
        "/api/v1/contacts/0199a1b2-0000-7000-8000-000000000001",
    ),
    "RateLimit": (
        "For each limit, what remains and in how many seconds there is more"
        " (draft-ietf-httpapi-ratelimit-headers-11).",
        '"caller-write";r=59;t=1',
    ),
    "RateLimit-Policy": ("The limits that the request counts against.", '"caller-write";q=60;w=2'),
    "Retry-After": ("Seconds to wait.", "2"),
    "Idempotency-Replayed": ("`true` where the answer is that of the first request.", "true"),
}
"""What each says, and an example."""
_ERRORS: Mapping[int, tuple[str, str, str]] = {
    401: ("Unauthorized", "unauthorized", "Nobody is signed in: no token, or one that is no good."),
    403: (
        "NotPermitted",
        "not_permitted",
        "The caller's role or key lacks a permission, in `errors`.",
    ),
    404: ("NotFound", "not_found", "There is no such thing, or it is not shown to the caller."),
    412: (
        "PreconditionFailed",
        "precondition_failed",
        "It was changed since; `If-Match` is older.",
    ),
    428: ("PreconditionRequired", "precondition_required", "`If-Match` is missing."),
    429: (
        "TooManyRequests",
        "too_many_requests",
        "A limit is reached; wait as `Retry-After` says.",
    ),
}
"""The component, an example's code and what it means, by status."""


def components() -> Json:
    """`components.responses` and `components.headers` that `answers_of` refers to."""
    responses = {
        name: _problem(meaning, status, code) for status, (name, code, meaning) in _ERRORS.items()
    }
    responses["TooManyRequests"]["headers"] = _headers("Retry-After")
    headers = {
        name: {"description": said, "schema": {"type": "string"}, "example": example}
        for name, (said, example) in HEADERS.items()
    }
    return {"responses": responses, "headers": headers}


def answers_of(path: str, method: str, operation: Json, versioned: set[str]) -> Json:
    """An operation's responses, with those that follow from what it takes, and with headers.

    `versioned` are the paths of what has a version.
    """
    found: Json = {}
    for status, response in operation["responses"].items():
        if "$ref" in response:
            found[status] = response
            continue
        names = _names_of(path, method, operation, status, versioned)
        told = {**_headers(*names), **response.get("headers", {})}
        found[status] = response | ({"headers": told} if told else {})
    for status in _statuses(path, method, operation):
        found.setdefault(str(status), {"$ref": f"#/components/responses/{_ERRORS[status][0]}"})
    return found


def _statuses(path: str, method: str, operation: Json) -> list[int]:
    permission = operation.get(PERMISSION)
    conditional = "if-match" in _taken(operation)
    asked = {
        401: permission != ANYBODY,
        403: permission not in (ANYBODY, SIGNED_IN),
        404: "{" in path,
        412: conditional,
        428: conditional and method != "delete",
        429: True,
    }
    return [status for status, applies in asked.items() if applies]


def _names_of(
    path: str, method: str, operation: Json, status: str, versioned: set[str]
) -> list[str]:
    """The headers of one of its own answers."""
    one = path in versioned and method != "delete"
    made = status == "201" and any(item.startswith(f"{path}/{{") for item in versioned)
    good = status.startswith("2")
    asked = {
        "ETag": good and (one or made),
        "Location": made,
        "RateLimit": operation.get(PERMISSION) != ANYBODY,
        "RateLimit-Policy": operation.get(PERMISSION) != ANYBODY,
        "Idempotency-Replayed": "idempotency-key" in _taken(operation),
    }
    return [name for name, applies in asked.items() if applies]


def versioned_paths(paths: Mapping[str, Json]) -> set[str]:
    """Where something is changed under `If-Match`."""
    return {
        path
        for path, item in paths.items()
        for operation in item.values()
        if "if-match" in _taken(operation)
    }


def _taken(operation: Json) -> set[str]:
    """The headers that it takes, in small letters."""
    parameters: list[Json] = operation.get("parameters", [])
    return {one["name"].lower() for one in parameters if one["in"] == "header"}


def _headers(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _problem(meaning: str, status: int, code: str) -> Json:
    example = EXAMPLE.model_dump(mode="json", exclude_none=True, exclude={"errors"})
    said = {"status": status, "code": code, "title": HTTPStatus(status).phrase, "detail": meaning}
    return {
        "description": meaning,
        "content": {
            "application/problem+json": {
                "schema": {"$ref": f"{SCHEMAS}Problem"},
                "example": example | said,
            }
        },
    }
