"""HTTP responses: a function's answer turned into one, and the gateway's own errors.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from http import HTTPStatus

from infra_cdk.gateway_problems import GatewayProblem
from infra_cdk.local.gateway_events import HOP_BY_HOP, Header

# REST APIs rename these in a function's response to `x-amzn-Remapped-<name>`.
_REMAPPED = frozenset(
    {
        "authorization",
        "content-md5",
        "date",
        "expect",
        "host",
        "max-forwards",
        "server",
        "user-agent",
        "www-authenticate",
    }
)
_RESPONSE_KEYS = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response, ready to be sent."""

    status: int
    headers: tuple[Header, ...] = ()
    body: bytes = b""


class MalformedResponse(ValueError):
    """The function's answer is not a Lambda proxy response; API Gateway says 502."""


def from_response(payload: object) -> Response:
    """The HTTP response for what the function returned.

    Raises:
        MalformedResponse: it is not of the documented shape.
    """
    if not isinstance(payload, dict) or not payload.keys() <= _RESPONSE_KEYS:
        raise MalformedResponse("not an object of statusCode, headers, body and isBase64Encoded")
    status = payload.get("statusCode")
    if isinstance(status, str) and status.isascii() and status.isdigit():
        status = int(status)
    if not isinstance(status, int) or isinstance(status, bool) or not 200 <= status <= 599:
        raise MalformedResponse("statusCode must be a number from 200 to 599")
    headers = _response_headers(payload.get("headers"), payload.get("multiValueHeaders"))
    body = _response_body(payload.get("body"), payload.get("isBase64Encoded"))
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    return Response(status, tuple(headers), body)


def problem(status: int, code: str, detail: str, request_id: str) -> Response:
    """A problem of this gateway alone, such as its own pages have."""
    return answer(GatewayProblem(status, code, detail), request_id)


def answer(what: GatewayProblem, request_id: str) -> Response:
    """The gateway's own error: RFC 9457 problem details, as the functions' errors are."""
    assert what.status, "only the deployed gateway has problems of any status"
    headers: list[Header] = [("Content-Type", "application/problem+json")]
    if what.status == HTTPStatus.UNAUTHORIZED:
        headers.append(("WWW-Authenticate", "Bearer"))  # RFC 9110 asks for the scheme
    return Response(what.status, tuple(headers), json.dumps(what.body(request_id)).encode())


def _response_headers(single: object, multiple: object) -> list[Header]:
    collected: dict[str, tuple[str, list[str]]] = {}
    for name, value in _items(single, "headers"):
        collected[name.lower()] = (name, [_scalar(name, value)])
    for name, values in _items(multiple, "multiValueHeaders"):
        if not isinstance(values, list):
            raise MalformedResponse(f"multiValueHeaders: {name} must be a list")
        collected[name.lower()] = (name, [_scalar(name, value) for value in values])
    headers: list[Header] = []
    for key, (name, values) in collected.items():
        if key not in HOP_BY_HOP and key != "content-length":
            sent = f"x-amzn-Remapped-{name}" if key in _REMAPPED else name
            headers += [(sent, value) for value in values]
    return headers


def _items(headers: object, what: str) -> list[tuple[str, object]]:
    if headers is None:
        return []
    if not isinstance(headers, dict):
        raise MalformedResponse(f"{what} must be an object")
    return list(headers.items())


def _scalar(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        raise MalformedResponse(f"header {name} must be a string, a number or a boolean")
    text = str(value)
    if not name.isascii() or not name.strip() or any(c in "\r\n\0" for c in name + text):
        raise MalformedResponse(f"header {name!r} has characters HTTP does not allow")
    return text


def _response_body(body: object, is_base64: object) -> bytes:
    if is_base64 not in (None, False, True):
        raise MalformedResponse("isBase64Encoded must be a boolean")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise MalformedResponse("body must be a string")
    if not is_base64:
        return body.encode("utf-8", errors="replace")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedResponse("body is not base64") from error
