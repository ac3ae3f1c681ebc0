"""The API gateway's own errors, the same on AWS and on a laptop: RFC 9457 problem details.

Keys are API Gateway's response types.
https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class GatewayProblem:
    """What a client is told. Without a `status`, API Gateway's own stands."""

    status: int | None
    code: str
    detail: str

    def body(self, request_id: str) -> dict[str, Any]:
        """The problem document."""
        status = {} if self.status is None else {"status": self.status}
        title = HTTPStatus(self.status).phrase if self.status else "Error"
        return {
            "type": "about:blank",
            "title": title,
            **status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
        }


NOT_FOUND = GatewayProblem(404, "not_found", "There is nothing at this URL.")
TOO_LARGE = GatewayProblem(
    413,
    "too_large",
    "The request is too large: a function takes 6 MB. Send large files by upload URL.",
)
UNAUTHENTICATED = GatewayProblem(
    401, "unauthorized", "Sign in: the credentials are missing, not valid, or not valid any more."
)
DENIED = GatewayProblem(403, "forbidden", "You may not do this.")
UNCHECKED = GatewayProblem(
    500, "authorizer_error", "Your credentials could not be checked; try again."
)
TIMEOUT = GatewayProblem(504, "integration_timeout", "The function did not answer within 29 s.")
FAILED = GatewayProblem(502, "function_error", "The function failed; its log says why.")
THROTTLED = GatewayProblem(429, "too_many_requests", "Too many requests; wait a second.")
_BAD = GatewayProblem(400, "bad_request", "The request is malformed.")

BY_RESPONSE_TYPE: Mapping[str, GatewayProblem] = MappingProxyType(
    {
        "ACCESS_DENIED": DENIED,
        "AUTHORIZER_CONFIGURATION_ERROR": UNCHECKED,
        "AUTHORIZER_FAILURE": UNCHECKED,
        "BAD_REQUEST_BODY": _BAD,
        "BAD_REQUEST_PARAMETERS": _BAD,
        "DEFAULT_4XX": GatewayProblem(None, "bad_request", "The gateway refused the request."),
        "DEFAULT_5XX": GatewayProblem(None, "internal_error", "The gateway or a function failed."),
        # An Authorization header in AWS's own form; nothing here is signed that way.
        "EXPIRED_TOKEN": UNAUTHENTICATED,
        "INVALID_SIGNATURE": UNAUTHENTICATED,
        "INTEGRATION_FAILURE": FAILED,
        "INTEGRATION_TIMEOUT": TIMEOUT,
        # What API Gateway calls a URL or method that it does not know.
        "MISSING_AUTHENTICATION_TOKEN": NOT_FOUND,
        "QUOTA_EXCEEDED": THROTTLED,
        "REQUEST_TOO_LARGE": TOO_LARGE,
        "RESOURCE_NOT_FOUND": NOT_FOUND,
        "THROTTLED": THROTTLED,
        "UNAUTHORIZED": UNAUTHENTICATED,
        "UNSUPPORTED_MEDIA_TYPE": GatewayProblem(
            415, "unsupported_media_type", "This type of content is not taken here."
        ),
        "WAF_FILTERED": GatewayProblem(403, "forbidden", "The firewall refused the request."),
    }
)
