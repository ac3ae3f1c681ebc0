"""Hands the requests of a batch to the apps that serve them, within its transaction."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from starlette.types import Message, Scope

from functions.gateway.apis import app_at
from functions.gateway.capability import CAPABILITY
from functions.gateway.models.operations import BatchFailed, Change, Result, UnknownPath
from shared.db import Tx
from shared.errors import FieldError
from shared.http.latest import named_by_version
from shared.http.within import NotBatchable, within
from shared.wiring import Function

[_OURS] = [one for one in CAPABILITY.functions if one.name == "batch"]


async def answered(tx: Tx, outer: Scope, change: Change, *, at: str) -> Result:
    """What the app that serves a change answers to it; `outer` is the batch's own request.

    Raises:
        UnknownPath: no app serves it.
        NotBatchable: it does, with what a batch does not have.
    """
    path, _, query = named_by_version(change.path).partition("?")
    found = app_at(unquote(path))
    if found is None:
        unknown = FieldError(f"{at}/path", "there is nothing to change at this path", "unknown")
        raise UnknownPath(errors=(unknown,))
    declared, app = found
    if not _can_do(declared.function):
        refused = FieldError(f"{at}/path", "cannot be part of a batch", "not_batchable")
        raise NotBatchable(errors=(refused,))
    body = b"" if change.body is None else json.dumps(change.body).encode()
    scope = {
        **{key: outer[key] for key in ("asgi", "http_version", "scheme", "server", "client")},
        **{key: outer[key] for key in ("aws.event", "aws.context") if key in outer},
        **within(tx),
        "type": "http",
        "method": change.method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": _headers(change),
    }
    return await _asked(app, scope, body)


def _can_do(function: Function) -> bool:
    """Whether a function needs nothing that this one does not have."""
    inside = function.needs <= _OURS.needs and function.role == _OURS.role
    return inside and function is not _OURS and not (function.sends or function.secrets)


def _headers(change: Change) -> list[tuple[bytes, bytes]]:
    given = {"content-type": "application/json"} if change.body is not None else {}
    if change.if_match is not None:
        given["if-match"] = change.if_match
    return [(name.encode(), value.encode()) for name, value in given.items()]


async def _asked(app: Any, scope: Scope, body: bytes) -> Result:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start = sent[0]
    content = b"".join(message.get("body", b"") for message in sent[1:])
    headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return Result(
        status=start["status"],
        etag=headers.get("etag"),
        location=headers.get("location"),
        body=json.loads(content) if content else None,
    )


def failure(result: Result, *, at: str) -> BatchFailed:
    """Why an atomic batch failed: what was refused, with its pointers below `at`."""
    problem: dict[str, Any] = result.body or {}
    errors = [
        FieldError(f"{at}/body{one['pointer']}", one["detail"], one["code"])
        for one in problem.get("errors", [])
    ]
    said = FieldError(at, problem.get("detail", "refused"), problem.get("code", "refused"))
    failed = BatchFailed(errors=(*errors,) or (said,), existing_id=problem.get("existing_id"))
    failed.status = result.status
    return failed
