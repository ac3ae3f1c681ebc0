"""API Gateway's WebSocket API: connections, route keys, and the `@connections` endpoint.

The events are shaped by `socket_events`. Functions post to clients with boto3's
`apigatewaymanagementapi` and `endpoint_url=http://127.0.0.1:<port>/_aws`.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from infra_cdk.gateway_problems import DENIED, UNAUTHENTICATED, UNCHECKED, GatewayProblem
from infra_cdk.local.asgi import MAX_SOCKET_MESSAGE_BYTES, Receive, Scope, Send, read_head
from infra_cdk.local.authorizer import granted
from infra_cdk.local.fleet import Fleet
from infra_cdk.local.gateway_events import Request, Stage
from infra_cdk.local.gateway_responses import Response, problem
from infra_cdk.local.slot import Result
from infra_cdk.local.socket_events import (
    MANAGEMENT,
    PATH,
    Client,
    authorizer_event,
    connect_arn,
    connect_event,
    disconnect_event,
    message_event,
    route_key_of,
)
from shared.wiring import Declared

CONNECTIONS_PREFIX = f"{MANAGEMENT}/@connections/"
IDENTITY_SOURCE = "ticket"
"""The parameter of the query without which the authorizer is not asked."""
IDLE_SECONDS = 600.0
LONGEST_SECONDS = 7200.0
_LOG = logging.getLogger("haste.sockets")


@dataclass
class Connection:
    """A client and the way back to it. `last_active` is Unix time."""

    client: Client
    send: Send
    last_active: float = field(default_factory=time.time)


class Sockets:
    """The WebSocket side of the gateway."""

    def __init__(self, declared: Iterable[Declared], fleet: Fleet, stage: Stage) -> None:
        functions = tuple(declared)
        self._routes = _routes(functions)
        self._guard = next((one.name for one in functions if one.function.socket_authorizer), None)
        self._fleet = fleet
        self._stage = stage
        self._connections: dict[str, Connection] = {}

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One client, from handshake to end: the ASGI `websocket` scope."""
        await receive()
        request = read_head(scope)
        if not self._routes or request.path != PATH:
            await _refuse(send, 404)
            return
        identifier = base64.b64encode(secrets.token_bytes(11)).decode()
        client = await self._admitted(Client(identifier, request, datetime.now(UTC)))
        if isinstance(client, GatewayProblem):
            await _refuse(send, client.status or 500)
            return
        status, protocol = await self._connect(client)
        if status != 200:
            await _refuse(send, status)
            return
        connection = Connection(client, send)
        await send({"type": "websocket.accept", "subprotocol": protocol})
        self._connections[identifier] = connection
        code, reason = 1001, "Going away"
        try:
            code, reason = await self._converse(connection, receive)
        finally:
            self._connections.pop(identifier, None)
            event = disconnect_event(client, self._stage, code, reason)
            await self._run("$disconnect", event)

    async def manage(self, request: Request) -> Response:
        """`@connections`: POST a message, GET the connection, DELETE it; 410 when it is gone."""
        headers = dict(request.headers)
        if not headers.get("authorization", "").startswith("AWS4-"):  # no web page can send it
            return problem(403, "forbidden", "Missing Authentication Token", "")
        connection = self._connections.get(unquote(request.path.removeprefix(CONNECTIONS_PREFIX)))
        if connection is None:
            return Response(410, (("x-amzn-ErrorType", "GoneException"),), b"{}")
        if request.method == "POST":
            return await self._post(connection, request.body)
        if request.method == "DELETE":
            await _send(connection, {"type": "websocket.close", "code": 1000})
            return Response(204)
        if request.method == "GET":
            return _described(connection)
        return problem(405, "method_not_allowed", "Use POST, GET or DELETE.", "")

    async def _admitted(self, client: Client) -> Client | GatewayProblem:
        """The client with what the authorizer says of it, or why it does not get in. Nothing is
        kept: the authorizer is asked at every connection, and never without its identity source.
        """
        if self._guard is None:
            return client
        event = connect_event(client, self._stage)
        if not (event.get("queryStringParameters") or {}).get(IDENTITY_SOURCE):
            return UNAUTHENTICATED
        arn = connect_arn(self._stage)
        try:
            result = await self._fleet.invoke(self._guard, authorizer_event(event, arn))
        except LookupError as error:  # its declaration asks for what this stack does not have
            _LOG.warning("nobody can connect: %s", error)
            return UNCHECKED
        found = granted(result)
        if isinstance(found, GatewayProblem):
            return found
        return replace(client, authorizer=found.context) if found.allows(arn) else DENIED

    async def _connect(self, client: Client) -> tuple[int, str | None]:
        """The handshake's status, 200 to accept, and the subprotocol the function chose."""
        result = await self._run("$connect", connect_event(client, self._stage))
        if result is None:
            return 200, None
        try:
            answer = result.json() if result.error is None else None
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or not isinstance(answer.get("statusCode"), int):
            return 500, None
        headers = {str(k).lower(): v for k, v in (answer.get("headers") or {}).items()}
        status = answer["statusCode"]
        return (
            (200, headers.get("sec-websocket-protocol")) if status // 100 == 2 else (status, None)
        )

    async def _converse(self, connection: Connection, receive: Receive) -> tuple[int, str]:
        """Run the client's messages until it ends; returns the close code and reason."""
        until = time.monotonic() + LONGEST_SECONDS
        while True:
            wait = min(IDLE_SECONDS, until - time.monotonic())
            try:
                message = await asyncio.wait_for(receive(), wait)
            except TimeoutError:
                await _send(connection, {"type": "websocket.close", "code": 1001})
                return 1001, "Going away"
            if message["type"] == "websocket.disconnect":
                return message.get("code") or 1005, message.get("reason") or ""
            connection.last_active = time.time()
            text = message.get("text")
            if text is None:
                await _send(connection, {"type": "websocket.close", "code": 1003})
                return 1003, "Binary frames are not supported"
            await self._message(connection, text)

    async def _message(self, connection: Connection, text: str) -> None:
        key = route_key_of(text, self._routes)
        event = message_event(connection.client, self._stage, key, text)
        result = await self._run(key, event)
        if result is None or result.error is not None:
            said = "Forbidden" if result is None else "Internal server error"
            context = event["requestContext"]
            body = {
                "message": said,
                "connectionId": connection.client.connection_id,
                "requestId": context["requestId"],
            }
            await _send(connection, {"type": "websocket.send", "text": json.dumps(body)})

    async def _post(self, connection: Connection, body: bytes) -> Response:
        if len(body) > MAX_SOCKET_MESSAGE_BYTES:
            headers = (("x-amzn-ErrorType", "PayloadTooLargeException"),)
            return Response(413, headers, b"{}")
        text = body.decode("utf-8", errors="replace")
        if not await _send(connection, {"type": "websocket.send", "text": text}):
            return Response(410, (("x-amzn-ErrorType", "GoneException"),), b"{}")
        connection.last_active = time.time()
        return Response(200, (("Content-Type", "application/json"),), b"{}")

    async def _run(self, route_key: str, event: dict[str, Any]) -> Result | None:
        """The function's result; None if no function declares the route."""
        name = self._routes.get(route_key)
        if name is None:
            return None
        try:
            return await self._fleet.invoke(name, event)
        except LookupError as error:  # its declaration asks for what this stack does not have
            _LOG.warning("%s could not run: %s", route_key, error)
            return Result("", error={"errorType": "LookupError", "errorMessage": str(error)})


def _routes(declared: Iterable[Declared]) -> dict[str, str]:
    """Function names by route key. Raises ValueError if two functions declare one."""
    found: dict[str, str] = {}
    for one in declared:
        for key in one.function.sockets:
            if key in found:
                raise ValueError(f"the socket route {key} is declared by {found[key]}, {one.name}")
            found[key] = one.name
    return found


async def _refuse(send: Send, status: int) -> None:
    start = {"type": "websocket.http.response.start", "status": status, "headers": []}
    await send(start)
    await send({"type": "websocket.http.response.body", "body": b""})


async def _send(connection: Connection, message: dict[str, Any]) -> bool:
    """Send; False if the client is gone already."""
    try:
        await connection.send(message)
    except (OSError, RuntimeError):  # uvicorn: ClientDisconnected is an OSError
        return False
    return True


def _described(connection: Connection) -> Response:
    client = connection.client
    headers = dict(client.request.headers)
    body = {
        "connectedAt": client.connected_at.isoformat(),
        "identity": {
            "sourceIp": client.request.source_ip,
            "userAgent": headers.get("user-agent", ""),
        },
        "lastActiveAt": datetime.fromtimestamp(connection.last_active, UTC).isoformat(),
    }
    return Response(200, (("Content-Type", "application/json"),), json.dumps(body).encode())
