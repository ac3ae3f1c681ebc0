"""RFC 9457 problem details: the one shape of every error this API answers."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from shared.access import NotPermitted
from shared.db.refusals import Denied, is_policy
from shared.errors import (
    BadRequest,
    FieldError,
    HasteError,
    NotFound,
    Unprocessable,
    UnsupportedMediaType,
)
from shared.log import logger

MEDIA_TYPE = "application/problem+json"


def install(app: FastAPI) -> None:
    """Answer every exception of `app` as a problem."""
    app.add_exception_handler(HasteError, _haste_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(Denied, _refused_by_policy)
    app.add_exception_handler(Exception, _unexpected)


def problem(request: Request, error: HasteError) -> JSONResponse:
    """The response for an error: status, title, detail, `code`, `request_id`, and where there are
    any `errors[]` with JSON pointers, `existing_id`, Retry-After.
    """
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "request_id": request_id(request),
    }
    if error.errors:
        body["errors"] = [
            {"pointer": e.pointer, "detail": e.detail, "code": e.code} for e in error.errors
        ]
    if error.existing_id:
        body["existing_id"] = error.existing_id
    headers = {"Retry-After": str(error.retry_after_s)} if error.retry_after_s else None
    return JSONResponse(body, error.status, headers, media_type=MEDIA_TYPE)


def request_id(request: Request) -> str | None:
    """API Gateway's id of the request, to be found in our logs."""
    event: dict[str, Any] = request.scope.get("aws.event") or {}
    context: dict[str, Any] = event.get("requestContext") or {}
    return context.get("requestId")


async def _haste_error(request: Request, error: Exception) -> JSONResponse:
    return problem(request, cast("HasteError", error))


async def _invalid_request(request: Request, error: Exception) -> JSONResponse:
    invalid = cast("RequestValidationError", error)
    details = invalid.errors()
    if any(detail["type"] == "json_invalid" for detail in details):
        return problem(request, BadRequest("The body is not valid JSON."))
    if isinstance(invalid.body, bytes) and any(detail["loc"] == ("body",) for detail in details):
        return problem(request, UnsupportedMediaType())  # FastAPI has not read it as JSON
    if all(detail["loc"][0] == "path" for detail in details):
        return problem(request, NotFound())  # an id that is no id names nothing
    fields = tuple(_field(detail, invalid.body) for detail in details)
    return problem(request, Unprocessable(errors=fields))


async def _http_exception(request: Request, error: Exception) -> JSONResponse:
    raised = cast("HTTPException", error)
    known = _for_status(raised.status_code)
    response = problem(request, known)
    response.headers.update(raised.headers or {})
    return response


async def _refused_by_policy(request: Request, error: Exception) -> JSONResponse:
    """A policy of the database refused what no check had. A missing grant is our own fault."""
    if not is_policy(error):
        return await _unexpected(request, error)
    logger.warning("refused by a policy", metadata={"error": str(error)[:200]})
    return problem(request, NotPermitted())


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    logger.error("unhandled error", exc_info=error)
    return problem(request, HasteError("Something went wrong on our side; it has been logged."))


def _for_status(status: int) -> HasteError:
    for kind in HasteError.__subclasses__():
        if kind.status == status:
            return kind()
    found = HasteError(HTTPStatus(status).description or HTTPStatus(status).phrase)
    found.status = status
    return found


def _field(detail: dict[str, Any], body: Any) -> FieldError:
    return FieldError(pointer(detail["loc"], body), str(detail["msg"]), str(detail["type"]))


def pointer(location: Sequence[str | int], body: Any = None) -> str:
    """A JSON pointer (RFC 6901) for pydantic's location: `("body", "tags", 0)` is `/tags/0`.

    Parts outside the body keep their place in front: `/query/limit`, `/header/if-match`. The tags
    of tagged unions, which pydantic names as if they were keys, are left out by a look at `body`.
    """
    in_body = bool(location) and location[0] == "body"
    parts = _without_tags(location[1:], body) if in_body else location
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def _without_tags(parts: Sequence[str | int], body: Any) -> list[str | int]:
    kept: list[str | int] = []
    here = body
    for n, part in enumerate(parts):
        missing = isinstance(here, dict) and part not in here
        if missing and n < len(parts) - 1:
            continue  # nothing can be below a key that is not there
        kept.append(part)
        here = _below(here, part)
    return kept


def _below(value: Any, key: str | int) -> Any:
    try:
        return value[key]
    except (LookupError, TypeError):
        return None
