"""Keyset cursors: where a page of a list ended, opaque to the caller."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from uuid import UUID

from shared.errors import BadRequest, FieldError


class InvalidCursor(BadRequest):
    """The cursor is not one that this list gave."""


Key = tuple[datetime, UUID]
"""Where a page ends: the last item's sort time and id."""


def encode_cursor(key: Key) -> str:
    """An opaque, URL-safe name of a place in a list."""
    return urlsafe_b64encode(json.dumps([key[0].isoformat(), key[1].hex]).encode()).decode()


def decode_cursor(cursor: str | None) -> Key | None:
    """The place a cursor names; None for no cursor.

    Raises:
        InvalidCursor: it is not a cursor.
    """
    if cursor is None:
        return None
    try:
        at, identifier = json.loads(urlsafe_b64decode(cursor.encode()))
        return datetime.fromisoformat(at).astimezone(UTC), UUID(identifier)
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise InvalidCursor(
            errors=(FieldError("/query/cursor", "not a cursor of this list", "invalid_cursor"),)
        ) from error
