"""What Gmail says when it does not do what was asked, as errors a caller can act on."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx
from pydantic import BaseModel, ValidationError

_DEFAULT_WAIT, _LONGEST_WAIT = timedelta(seconds=60), timedelta(hours=24)
_THROTTLING_REASONS = frozenset(
    {"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded"}
)
_RETRY_AFTER = re.compile(
    r"retry after (\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d))", re.IGNORECASE
)


class GmailError(Exception):
    """Gmail did not do what was asked; `reason` is Gmail's own word for why, if it gave one."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class Throttled(GmailError):
    """A quota is used up. Nothing for this mailbox may be asked before `until`."""

    def __init__(self, until: datetime, message: str, reason: str = "") -> None:
        super().__init__(message, reason)
        self.until = until


class HistoryExpired(GmailError):
    """The history cursor is too old; the mailbox must be listed in full."""


class MessageGone(GmailError):
    """The message is not there: deleted, or (for seconds) not there yet."""


class Unauthorized(GmailError):
    """The access token is expired or revoked; refresh it once, else the mailbox is disconnected."""


class Forbidden(GmailError):
    """Not allowed, and asking again will not help: scopes, domain policy, API not switched on."""


class BadRequest(GmailError):
    """Gmail does not accept the request as it is."""


class Unavailable(GmailError):
    """Gmail failed, could not be reached, or broke off its answer. Ask again later."""


class TooLarge(GmailError):
    """The message is larger than any Gmail accepts."""


class _Detail(BaseModel):
    reason: str = ""


class _ErrorBody(BaseModel):
    message: str = ""
    errors: tuple[_Detail, ...] = ()
    details: tuple[_Detail, ...] = ()  # the newer form, google.rpc.ErrorInfo


class _Envelope(BaseModel):
    error: _ErrorBody = _ErrorBody()


def error_of(response: httpx.Response, content: bytearray, missing: type[GmailError]) -> GmailError:
    """The error an answer stands for. Source: Gmail API guide, "Resolve errors"."""
    status = response.status_code
    try:
        said = _Envelope.model_validate_json(content).error
    except ValidationError:  # a proxy on the way answers in HTML
        said = _ErrorBody()
    reason = next((detail.reason for detail in (*said.errors, *said.details) if detail.reason), "")
    text = f"Gmail answered {status}: {said.message[:500] or response.reason_phrase}"
    if status == HTTPStatus.TOO_MANY_REQUESTS or (
        status == HTTPStatus.FORBIDDEN and reason in _THROTTLING_REASONS
    ):
        return Throttled(
            _until(response.headers.get("Retry-After", ""), said.message), text, reason
        )
    return _error_class(status, missing)(text, reason)


def _error_class(status: int, missing: type[GmailError]) -> type[GmailError]:
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return Unauthorized
        case HTTPStatus.FORBIDDEN:
            return Forbidden
        case HTTPStatus.NOT_FOUND:
            return missing
        case HTTPStatus.REQUEST_TIMEOUT:
            return Unavailable
        case _:
            return BadRequest if 400 <= status < 500 else Unavailable


def _until(header: str, message: str) -> datetime:
    """When to come back: seconds or a date in the header, a date in the text, else in a minute.

    Never more than a day off, so that a wrong clock cannot silence a mailbox.
    """
    now = datetime.now(UTC)
    until = _named_time(header.strip(), message, now)
    if until is None or until <= now:
        until = now + _DEFAULT_WAIT
    return min(until, now + _LONGEST_WAIT)


def _named_time(header: str, message: str, now: datetime) -> datetime | None:
    if re.fullmatch(r"[0-9]{1,9}", header):
        return now + timedelta(seconds=int(header))
    try:
        if header:
            named = parsedate_to_datetime(header)
        elif found := _RETRY_AFTER.search(message):
            named = datetime.fromisoformat(found[1])
        else:
            return None
    except ValueError:
        return None
    return named if named.tzinfo else named.replace(tzinfo=UTC)
