"""The FastAPI app every HTTP function is made of, and what its routes may ask for."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.auth import Caller, caller_of
from shared.db import Tx, transaction
from shared.errors import TooLarge
from shared.http import problems
from shared.log import about

_MAX_BODY_BYTES = 4 * 1024 * 1024
"""Lambda takes 6 MB with base64 and envelope; larger things go to S3 by presigned URL."""


def create_app(title: str) -> FastAPI:
    """An app whose errors are problem details. Its OpenAPI document is merged with the others'."""
    app = FastAPI(
        title=title,
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.add_middleware(_BodyLimit)
    problems.install(app)
    return app


async def current_caller(request: Request) -> Caller:
    """The authenticated caller; 401 where the event did not pass the authorizer."""
    caller = caller_of(request.scope.get("aws.event") or {})
    about(workspace_id=caller.workspace_id, user_id=caller.user_id)
    return caller


CurrentCaller = Annotated[Caller, Depends(current_caller)]


async def _open_transaction(caller: CurrentCaller) -> AsyncGenerator[Tx]:
    with transaction(caller.workspace_id, user_id=caller.user_id) as tx:
        yield tx


Transaction = Annotated[Tx, Depends(_open_transaction, scope="function")]
"""The request's transaction, committed before the response is sent.

`scope="function"` is what makes that so: FastAPI's default closes the dependency after the response
has gone out, and a failed COMMIT would still answer 200.
"""


class _BodyLimit:
    """Refuses a body over the limit before anything parses it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _content_length(scope) > _MAX_BODY_BYTES:
            request = Request(scope, receive)
            await problems.problem(request, TooLarge())(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _content_length(scope: Scope) -> int:
    event = scope.get("aws.event")
    if event is not None:
        body: str = event.get("body") or ""
        return len(body) * 3 // 4 if event.get("isBase64Encoded") else len(body.encode())
    return 0
