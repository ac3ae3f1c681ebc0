"""API Gateway WebSocket events, as pure functions.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
"""

from __future__ import annotations

import base64
import json
import secrets
import uuid
from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from infra_cdk.local.environment import new_trace_id
from infra_cdk.local.gateway_events import API_ID, Event, Request, Stage, client_headers, multi

PATH = "/ws"
"""Where clients connect."""
_SOCKET_API_ID = f"{API_ID}ws"
MANAGEMENT = "/_aws"
"""Below it, functions post to connections."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who is connected: the handshake's request and the connection's id."""

    connection_id: str
    request: Request
    connected_at: datetime
    authorizer: dict[str, Any] | None = None
    """What the authorizer said of who connects; functions get it with every message."""


def route_key_of(text: str, declared: Container[str]) -> str:
    """The route of a message: its `action` if that is declared, else `$default`."""
    try:
        content = json.loads(text)
    except ValueError:
        return "$default"
    action = content.get("action") if isinstance(content, dict) else None
    if isinstance(action, str) and not action.startswith("$") and action in declared:
        return action
    return "$default"


def connect_event(client: Client, stage: Stage) -> Event:
    """A client asks to connect; it sends headers and a query only now."""
    headers = client_headers(client.request, new_trace_id())
    query = parse_qsl(client.request.query, keep_blank_values=True)
    event: Event = {"headers": dict(headers), "multiValueHeaders": multi(headers)}
    if query:
        event["queryStringParameters"] = dict(query)
        event["multiValueQueryStringParameters"] = multi(query)
    context = _context(client, stage, "$connect", "CONNECT")
    return {**event, "requestContext": context, "isBase64Encoded": False}


def connect_arn(stage: Stage) -> str:
    """What an authorizer's policy is about: there is a verdict on connecting, and no other."""
    api = f"arn:aws:execute-api:{stage.region}:{stage.account}:{_SOCKET_API_ID}"
    return f"{api}/{stage.name}/$connect"


def authorizer_event(connect: Event, method_arn: str) -> Event:
    """What a REQUEST authorizer gets of a client that asks to connect.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html
    """
    kept = {key: value for key, value in connect.items() if key != "isBase64Encoded"}
    return {"type": "REQUEST", "methodArn": method_arn, "stageVariables": {}, **kept}


def message_event(client: Client, stage: Stage, route_key: str, text: str) -> Event:
    """A client's message."""
    context = _context(client, stage, route_key, "MESSAGE")
    context["messageId"] = _opaque_id()
    return {"requestContext": context, "body": text, "isBase64Encoded": False}


def disconnect_event(client: Client, stage: Stage, code: int, reason: str) -> Event:
    """The connection has ended, with a close code of RFC 6455."""
    context = _context(client, stage, "$disconnect", "DISCONNECT")
    context |= {"disconnectStatusCode": code, "disconnectReason": reason}
    headers = [
        ("Host", dict(client.request.headers).get("host", "")),
        ("x-api-key", ""),
        ("X-Forwarded-For", ""),
        ("x-restapi", ""),
    ]
    return {
        "headers": dict(headers),
        "multiValueHeaders": multi(headers),
        "requestContext": context,
        "isBase64Encoded": False,
    }


def _context(client: Client, stage: Stage, route_key: str, event_type: str) -> dict[str, Any]:
    headers = dict(client.request.headers)
    now = datetime.now(UTC)
    authorizer = {} if client.authorizer is None else {"authorizer": client.authorizer}
    return authorizer | {
        "routeKey": route_key,
        "eventType": event_type,
        "extendedRequestId": _opaque_id(),
        "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "messageDirection": "IN",
        "stage": stage.name,
        "connectedAt": int(client.connected_at.timestamp() * 1000),
        "requestTimeEpoch": int(now.timestamp() * 1000),
        "identity": {
            "userAgent": headers.get("user-agent"),
            "sourceIp": client.request.source_ip,
        },
        "requestId": str(uuid.uuid4()),
        "domainName": headers.get("host", ""),
        "connectionId": client.connection_id,
        "apiId": _SOCKET_API_ID,
    }


def _opaque_id() -> str:
    return base64.b64encode(secrets.token_bytes(11)).decode()
