"""The FastAPI app every HTTP function is made of, and what its routes may ask for."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.auth import Caller, caller_of
from shared.db import Tx, transaction
from shared.errors import TooLarge, WorkspaceClosing
from shared.http import problems
from shared.http.idempotency import keyed
from shared.http.routes import Route
from shared.http.within import NotBatchable, within_of
from shared.ids import uuid7
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
    app.router.route_class = Route
    app.add_middleware(_BodyLimit)
    problems.install(app)
    return app


def create_router() -> APIRouter:
    """Routes of a module of their own, for `app.include_router`."""
    return APIRouter(route_class=Route)


async def current_caller(request: Request) -> Caller:
    """The authenticated caller; 401 where the event did not pass the authorizer."""
    caller = caller_of(request.scope.get("aws.event") or {})
    about(workspace_id=caller.workspace_id, user_id=caller.user_id)
    return caller


def transaction_of(caller: Caller, *, even_closing: bool = False) -> AbstractContextManager[Tx]:
    """A transaction in which the caller acts, with what they may do: for a route's own readings
    beside the request's transaction.
    """
    return transaction(
        caller.workspace_id,
        user_id=caller.user_id,
        actor=caller.actor,
        access=caller.access,
        even_closing=even_closing,
    )


CurrentCaller = Annotated[Caller, Depends(current_caller)]


async def _open_transaction(request: Request, caller: CurrentCaller) -> AsyncGenerator[Tx]:
    within = within_of(request)
    if within is not None:
        with within.savepoint():
            yield within
        return
    once = keyed(request, caller)
    with transaction_of(caller) as tx:
        if once is not None:
            once.begun(tx)
        yield tx


Transaction = Annotated[Tx, Depends(_open_transaction, scope="function")]
"""The request's transaction, committed before the response is sent.

`scope="function"` is what makes that so: FastAPI's default closes the dependency after the response
has gone out, and a failed COMMIT would still answer 200.
"""

Begin = Callable[[], Tx]


async def _open_late(request: Request, caller: CurrentCaller) -> AsyncGenerator[Begin]:
    if within_of(request) is not None:
        raise NotBatchable
    once = keyed(request, caller)
    with transaction_of(caller) as tx:
        if once is not None:
            once.look_up(tx)
        if tx.closing:
            raise WorkspaceClosing  # before a vendor is asked for what would come to nothing
    with ExitStack() as open_until_the_end:

        def begin() -> Tx:
            tx = open_until_the_end.enter_context(transaction_of(caller))
            if once is not None:
                once.begun(tx)
            return tx

        if once is not None:
            once.begin = begin
        yield begin


LateTransaction = Annotated[Begin, Depends(_open_late, scope="function")]
"""For a route that calls a vendor: `begin()` opens the request's transaction, after the call.

Until then the route may open others, to read. What it does at the vendor before must be harmless to
do again, since a crash in between is followed by another attempt; what must only be done once the
transaction has committed is a background task. A route that never calls `begin` has its effect at
the vendor alone, and only its answer is stored.
"""


async def _name_request(request: Request, caller: CurrentCaller) -> str:
    once = keyed(request, caller)
    return once.name if once is not None else uuid7().hex


RequestName = Annotated[str, Depends(_name_request)]
"""What to call this request where others drop what comes twice, as FIFO queues do: every attempt
with the same Idempotency-Key has the same name.
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
