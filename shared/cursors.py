"""Keyset cursors: where a page of a list ended, opaque to the caller."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from shared.errors import BadRequest, FieldError


class InvalidCursor(BadRequest):
    """The cursor is not one that this list gave."""


Key = tuple[datetime, UUID]
"""Where a page ends: the last item's sort time and id."""

IN_QUERY = "/query/cursor"


def encode_cursor(key: tuple[datetime | str | None, UUID], *, of: str = "") -> str:
    """An opaque, URL-safe name of a place in a list; `of` binds it to lists of that scope."""
    value = key[0].isoformat() if isinstance(key[0], datetime) else key[0]
    named = [value, key[1].hex, *([of] if of else [])]
    return urlsafe_b64encode(json.dumps(named, ensure_ascii=False).encode()).decode()


def decode_cursor(cursor: str | None) -> Key | None:
    """The place a cursor names in a list that is sorted by time; None for no cursor.

    Raises:
        InvalidCursor: it is not a cursor.
    """
    if cursor is None:
        return None
    value, identifier = _decoded(cursor, "", IN_QUERY)
    return _instant(value, IN_QUERY), identifier


def decode_place(
    cursor: str | None, *, by_time: bool, of: str, at: str
) -> tuple[datetime | str | None, UUID] | None:
    """The place a cursor names in a list of the scope `of`, sorted by a time that may be absent, or
    by a text. `at` is the cursor's JSON pointer.

    Raises:
        InvalidCursor: it is not a cursor, or one of another list.
    """
    if cursor is None:
        return None
    value, identifier = _decoded(cursor, of, at)
    if by_time:
        return None if value is None else _instant(value, at), identifier
    return _text(value, at), identifier


def _decoded(cursor: str, of: str, at: str) -> tuple[Any, UUID]:
    try:
        value, identifier, *scope = json.loads(urlsafe_b64decode(cursor.encode()))
        if scope == ([of] if of else []):
            return value, UUID(identifier)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise _invalid(at) from error
    raise _invalid(at)


def _instant(value: Any, at: str) -> datetime:
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, TypeError, OverflowError) as error:
        raise _invalid(at) from error


def _text(value: Any, at: str) -> str:
    try:
        if isinstance(value, str) and b"\0" not in value.encode():
            return value
    except UnicodeEncodeError as error:  # a surrogate, which is no character
        raise _invalid(at) from error
    raise _invalid(at)


def _invalid(at: str) -> InvalidCursor:
    detail = "not a cursor of this list, with this filter and order"
    return InvalidCursor(errors=(FieldError(at, detail, "invalid_cursor"),))
