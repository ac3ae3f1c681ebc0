"""Errors a caller is told about, each with its HTTP status.

HasteError
├── BadRequest            400
├── Unauthorized          401
├── Forbidden             403
├── NotFound              404
├── MethodNotAllowed      405
├── Conflict              409
├── PreconditionFailed    412
├── TooLarge              413
├── Unprocessable         422
├── PreconditionRequired  428
├── TooManyRequests       429
└── Unavailable           503

A subclass names the situation; its docstring is the sentence the caller reads, so it must be true
and must not tell secrets. They become RFC 9457 problem details in `shared.http`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from inspect import getdoc


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with the input: where (RFC 6901 JSON pointer) and why."""

    pointer: str
    detail: str
    code: str = "invalid"


class HasteError(Exception):
    """The request could not be fulfilled."""

    status = 500

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: tuple[FieldError, ...] = (),
        existing_id: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        self.detail = detail or (getdoc(type(self)) or "").split("\n\n")[0].replace("\n", " ")
        self.errors = errors
        self.existing_id = existing_id
        self.retry_after_s = retry_after_s
        super().__init__(self.detail)

    @property
    def code(self) -> str:
        """The class name in snake case: stable, for programs to switch on."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()


class BadRequest(HasteError):
    """The request is malformed."""

    status = 400


class Unauthorized(HasteError):
    """The credentials are missing, wrong or expired."""

    status = 401


class Forbidden(HasteError):
    """The caller may not do this."""

    status = 403


class NotFound(HasteError):
    """There is nothing with this id."""

    status = 404


class MethodNotAllowed(HasteError):
    """This URL does not take this method."""

    status = 405


class Conflict(HasteError):
    """The request contradicts what is stored."""

    status = 409


class WorkspaceClosing(Conflict):
    """This workspace is being deleted and takes no changes; its owners can restore it."""


class PreconditionFailed(HasteError):
    """The record was changed since it was read; read it again and repeat the change."""

    status = 412


class TooLarge(HasteError):
    """The request body is larger than 4 MB."""

    status = 413


class UnsupportedMediaType(HasteError):
    """Send JSON, and say so: `Content-Type: application/json`."""

    status = 415


class Unprocessable(HasteError):
    """The input is not valid; see `errors`."""

    status = 422


class PreconditionRequired(HasteError):
    """Send If-Match with the ETag of the record you read."""

    status = 428


class TooManyRequests(HasteError):
    """Too many requests; wait as Retry-After says."""

    status = 429


class Unavailable(HasteError):
    """A service this needs does not answer; try again."""

    status = 503
