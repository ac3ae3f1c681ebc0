"""Cursors of the change feed: a workspace and a position in it, opaque to the caller."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID

from shared.cursors import InvalidCursor
from shared.errors import FieldError

LATEST = "latest"
"""Stands for the cursor of now."""
_BYTES = 16 + 8
_BEYOND = 2**62
"""More than there can be; it leaves the database room to add."""


def feed_cursor(workspace_id: UUID, position: int) -> str:
    """An opaque, URL-safe name of the place after an event in a workspace's feed."""
    return urlsafe_b64encode(workspace_id.bytes + position.to_bytes(8)).decode()


def position_after(workspace_id: UUID, cursor: str, *, at: str = "/query/after") -> int:
    """The position a cursor names. `at` is the cursor's JSON pointer.

    Raises:
        InvalidCursor: it is not a cursor of this workspace's feed. Positions of another one would
            be accepted and mean something else.
    """
    try:
        named = urlsafe_b64decode(cursor.encode())
    except ValueError:
        named = b""
    position = int.from_bytes(named[16:])
    whole = len(named) == _BYTES and position < _BEYOND
    if not whole or cursor != feed_cursor(workspace_id, position):
        detail = "not a cursor of this workspace's feed"
        raise InvalidCursor(errors=(FieldError(at, detail, "invalid_cursor"),))
    return position
