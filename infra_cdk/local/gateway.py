"""API Gateway on a laptop: HTTP and WebSocket in, the declared functions behind.

    python -m infra_cdk.local.gateway [--config stack.json] [--port N]

Errors of the gateway are problem details, as the deployed API's GatewayResponses are.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import time
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

from infra_cdk.gateway_problems import FAILED, NOT_FOUND, TIMEOUT, TOO_LARGE, GatewayProblem
from infra_cdk.http_limits import TIMEOUT_SECONDS
from infra_cdk.local import admin, docs_page, graphiql_page
from infra_cdk.local.asgi import App, asgi_app, serve
from infra_cdk.local.authorizer import Authorizer
from infra_cdk.local.environment import REQUEST_TOO_LARGE, new_trace_id
from infra_cdk.local.fleet import Fleet
from infra_cdk.local.gateway_events import (
    Arrival,
    Event,
    Request,
    Stage,
    to_event,
    with_authorizer,
)
from infra_cdk.local.gateway_responses import (
    MalformedResponse,
    Response,
    answer,
    from_response,
    problem,
)
from infra_cdk.local.logs import log_json
from infra_cdk.local.reload import restarting_on_change
from infra_cdk.local.routes import Match, routes_of
from infra_cdk.local.slot import Result
from infra_cdk.local.sockets import CONNECTIONS_PREFIX, Sockets
from infra_cdk.local.stack_config import StackConfig, config_path, load
from infra_cdk.local.state import State, open_state
from infra_cdk.registry import declared as all_declared
from shared.wiring import Declared

_LOG = logging.getLogger("haste.gateway")


class Gateway:
    """Routes requests to functions. `answer` is its whole HTTP interface."""

    def __init__(
        self,
        declared: Iterable[Declared],
        config: StackConfig,
        timeout_s: float = float(TIMEOUT_SECONDS),
    ) -> None:
        functions = tuple(declared)
        self._config = config
        self._timeout_s = timeout_s
        self._stage = Stage(config.stage, config.region)
        self._routes = routes_of(functions)
        self.fleet = Fleet(functions, config)
        self._authorizer = _authorizer(functions, self.fleet)
        self.sockets = Sockets(functions, self.fleet, self._stage)
        self._running: set[asyncio.Task[Result]] = set()
        self._access_log = _access_log(config.state)

    async def answer(self, request: Request) -> Response:
        """The response to one HTTP request; never raises for what a function does."""
        if request.path.startswith(admin.PREFIX):
            return await admin.admin(request, self.fleet, self._config.token)
        if docs_page.is_docs(request.path):
            return await docs_page.docs(request, self._config.state)
        if graphiql_page.is_graphiql(request.path):
            return await graphiql_page.graphiql(request, self._config.state)
        if request.path.startswith(CONNECTIONS_PREFIX):
            return await self.sockets.manage(request)
        began = time.perf_counter()
        arrival = Arrival(str(uuid.uuid4()), new_trace_id(), datetime.now(UTC))
        try:
            response = await self._routed(request, arrival)
        except Exception:
            _LOG.exception("the gateway failed at %s %s", request.method, request.path)
            detail = "The gateway failed; its log says why."
            response = problem(500, "internal_error", detail, arrival.request_id)
        self._log_access(request, response, arrival, time.perf_counter() - began)
        traced = (
            ("x-amzn-RequestId", arrival.request_id),
            ("X-Amzn-Trace-Id", arrival.trace_id),
        )
        return Response(response.status, response.headers + traced, response.body)

    async def close(self) -> None:
        """End all functions and close the access log."""
        await self.fleet.close()
        for handler in self._access_log.handlers:
            handler.close()

    async def _routed(self, request: Request, arrival: Arrival) -> Response:
        match = self._routes.match(request.path)
        if match is None:
            return answer(NOT_FOUND, arrival.request_id)
        if request.too_large:
            return answer(TOO_LARGE, arrival.request_id)
        event = to_event(request, match, self._stage, arrival)
        if not match.route.public:
            method_arn = self._stage.method_arn(request.method, request.path)
            verdict = await self._authorizer.check(event, method_arn)
            if isinstance(verdict, GatewayProblem):
                return answer(verdict, arrival.request_id)
            event = with_authorizer(event, verdict)
        return await self._integrated(match, event, arrival)

    async def _integrated(self, match: Match, event: Event, arrival: Arrival) -> Response:
        name = match.route.declared.name
        task = asyncio.create_task(self.fleet.invoke(name, event, arrival.trace_id))
        self._running.add(task)  # it goes on when we no longer wait, as on Lambda
        task.add_done_callback(self._running.discard)
        try:
            result = await asyncio.wait_for(asyncio.shield(task), self._timeout_s)
        except TimeoutError:
            return answer(TIMEOUT, arrival.request_id)
        return _integration_response(result, arrival.request_id)

    def _log_access(
        self, request: Request, response: Response, arrival: Arrival, seconds: float
    ) -> None:
        """One line a request. The query is left out: it may carry tickets and tokens."""
        line = {
            "timestamp": arrival.at.isoformat(timespec="milliseconds"),
            "request_id": arrival.request_id,
            "method": request.method,
            "path": request.path,
            "status": response.status,
            "ms": round(seconds * 1000, 2),
            "bytes": len(response.body),
        }
        self._access_log.info("%s", json.dumps(line))


def app_of(gateway: Gateway, config: StackConfig) -> App:
    """The ASGI application; its functions end with it, and start anew when their code changes."""

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        idle = asyncio.create_task(gateway.fleet.keep_stopping_idle())
        try:
            async with restarting_on_change(Path(config.root), gateway.fleet.restart):
                yield
        finally:
            idle.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await idle
            await gateway.close()

    return asgi_app(gateway.answer, running(), gateway.sockets.serve)


def _integration_response(result: Result, request_id: str) -> Response:
    error = result.error
    if error is not None and error.get("errorType") == REQUEST_TOO_LARGE:
        return answer(TOO_LARGE, request_id)
    if error is not None:
        return answer(FAILED, request_id)
    try:
        return from_response(result.json())
    except MalformedResponse as wrong:
        return problem(502, "malformed_response", f"The function's answer: {wrong}.", request_id)
    except ValueError:
        return problem(502, "malformed_response", "The function's answer: not JSON.", request_id)


def _authorizer(declared: Iterable[Declared], fleet: Fleet) -> Authorizer:
    """The one function declared as authorizer. Without one, every private route is closed.

    Raises:
        ValueError: two functions are declared as authorizer.
    """
    names = [one.name for one in declared if one.function.authorizer]
    if len(names) > 1:
        raise ValueError(f"only one function may be the authorizer, not {' and '.join(names)}")
    if not names:
        return Authorizer(None)
    return Authorizer(lambda event: fleet.invoke(names[0], event))


def _access_log(state: State) -> logging.Logger:
    log = logging.Logger("haste.access", logging.INFO)  # its own: none of the root's handlers
    path = state.logs / "access.log"
    log.addHandler(RotatingFileHandler(path, maxBytes=5_000_000, backupCount=1))
    return log


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m infra_cdk.local.gateway")
    arguments.add_argument("--config", type=Path, default=None)
    arguments.add_argument("--port", type=int, default=None)
    given = arguments.parse_args()
    config = load(given.config or config_path(open_state()))
    log_json("gateway")
    gateway = Gateway(all_declared(), config)
    serve(app_of(gateway, config), given.port or config.gateway_port)


if __name__ == "__main__":
    main()
