"""API Gateway REST API (v1) events, as pure functions of the request.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
and, for what happens to headers and encodings, "Important notes for REST APIs":
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from infra_cdk.http_limits import BINARY_MEDIA_TYPES
from infra_cdk.local.routes import Match

Header = tuple[str, str]
Event = dict[str, Any]

API_ID = "hastelocal"

HOP_BY_HOP = frozenset(  # RFC 9110 section 7.6.1
    {
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# The gateway owns these; a client's own would be a lie, or is answered by the gateway.
_REPLACED = frozenset({"x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"})


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request: `path` percent-encoded and `query` undecoded, both as they came.

    Header names are in lower case, as ASGI gives them. `too_large`: the body is over the gateway's
    limit and was not read to its end.
    """

    method: str
    path: str
    query: str = ""
    headers: tuple[Header, ...] = ()
    body: bytes = b""
    source_ip: str = "127.0.0.1"
    scheme: str = "http"
    http_version: str = "1.1"
    too_large: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """The deployed stage the gateway speaks for."""

    name: str = "local"
    region: str = "us-east-1"
    account: str = "000000000000"

    def method_arn(self, method: str, path: str) -> str:
        """What an authorizer's policy is about."""
        return (
            f"arn:aws:execute-api:{self.region}:{self.account}:{API_ID}/"
            f"{self.name}/{method}/{path.removeprefix('/')}"
        )


@dataclass(frozen=True, slots=True)
class Arrival:
    """The gateway's own facts about one request."""

    request_id: str
    trace_id: str
    at: datetime


def to_event(request: Request, match: Match, stage: Stage, arrival: Arrival) -> Event:
    """The event a function gets for `request`, without an authorizer's context."""
    headers = client_headers(request, arrival.trace_id)
    query = parse_qsl(request.query, keep_blank_values=True)
    body, is_base64 = _body(request)
    return {
        "resource": match.resource,
        "path": request.path,
        "httpMethod": request.method,
        "headers": dict(headers) or None,
        "multiValueHeaders": multi(headers),
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": multi(query),
        "pathParameters": None if match.proxy is None else {"proxy": match.proxy},
        "stageVariables": None,
        "requestContext": _request_context(request, match, stage, arrival),
        "body": body,
        "isBase64Encoded": is_base64,
    }


def to_authorizer_event(event: Event, method_arn: str) -> Event:
    """The event a REQUEST authorizer gets for the request of `event`: no body.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html
    """
    kept = {key: value for key, value in event.items() if key not in ("body", "isBase64Encoded")}
    return {"type": "REQUEST", "methodArn": method_arn, **kept}


def with_authorizer(event: Event, context: dict[str, Any]) -> Event:
    """`event` with what the authorizer said about the caller."""
    return {**event, "requestContext": {**event["requestContext"], "authorizer": context}}


def client_headers(request: Request, trace_id: str) -> list[Header]:
    """The headers a function sees: without hop-by-hop ones, with what the gateway knows itself."""
    named_hops = {
        hop.strip().lower()
        for name, value in request.headers
        if name.lower() == "connection"
        for hop in value.split(",")
    }
    dropped = HOP_BY_HOP | named_hops | _REPLACED
    kept = [
        (_title(name), value)
        for name, value in request.headers
        if name.lower() not in dropped and not name.lower().startswith("x-amzn-")
    ]
    forwarded = [value for name, value in request.headers if name.lower() == "x-forwarded-for"]
    host = next((value for name, value in kept if name == "Host"), "")
    port = host.rpartition(":")[2] if ":" in host else {"https": "443"}.get(request.scheme, "80")
    return [
        *kept,
        ("X-Amzn-Trace-Id", trace_id),
        ("X-Forwarded-For", ", ".join([*forwarded, request.source_ip])),
        ("X-Forwarded-Port", port),
        ("X-Forwarded-Proto", request.scheme),
    ]


def _request_context(
    request: Request, match: Match, stage: Stage, arrival: Arrival
) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in request.headers}
    host = headers.get("host", "")
    return {
        "resourceId": "local0",
        "resourcePath": match.resource,
        "httpMethod": request.method,
        "extendedRequestId": base64.b64encode(secrets.token_bytes(11)).decode(),
        "requestTime": arrival.at.astimezone(UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "path": request.path,
        "accountId": stage.account,
        "protocol": f"HTTP/{request.http_version}",
        "stage": stage.name,
        "domainPrefix": host.split(".")[0].split(":")[0],
        "requestTimeEpoch": int(arrival.at.timestamp() * 1000),
        "requestId": arrival.request_id,
        "identity": {
            "cognitoIdentityPoolId": None,
            "accountId": None,
            "cognitoIdentityId": None,
            "caller": None,
            "sourceIp": request.source_ip,
            "principalOrgId": None,
            "accessKey": None,
            "cognitoAuthenticationType": None,
            "cognitoAuthenticationProvider": None,
            "userArn": None,
            "userAgent": headers.get("user-agent"),
            "user": None,
        },
        "domainName": host,
        "deploymentId": "local0",
        "apiId": API_ID,
    }


def _body(request: Request) -> tuple[str | None, bool]:
    if not request.body:
        return None, False
    headers = {name.lower(): value for name, value in request.headers}
    if _is_binary(headers.get("content-type", "")):
        return base64.b64encode(request.body).decode(), True
    return request.body.decode("utf-8", errors="replace"), False


def _is_binary(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type in BINARY_MEDIA_TYPES or f"{media_type.split('/')[0]}/*" in BINARY_MEDIA_TYPES


def multi(pairs: list[Header]) -> dict[str, list[str]] | None:
    """All values by name; null, as API Gateway says it, for no pairs."""
    collected: dict[str, list[str]] = {}
    for name, value in pairs:
        collected.setdefault(name, []).append(value)
    return collected or None


def _title(name: str) -> str:
    """`X-Request-Id` for any case: servers below HTTP lower-case names, clients write them so."""
    return "-".join(part.capitalize() for part in name.split("-"))
