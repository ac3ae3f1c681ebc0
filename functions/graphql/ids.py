"""Global ids: which type and which one, in a text that clients need not understand."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple
from uuid import UUID

_LONGEST = 200


class GlobalId(NamedTuple):
    """A thing's type and its id within the type; no type where a plain UUID was given."""

    kind: str | None
    id: UUID


def encode_id(kind: str, identifier: UUID) -> str:
    """The global id of one of this type."""
    return urlsafe_b64encode(f"{kind}:{identifier}".encode()).decode().rstrip("=")


def decode_id(text: str) -> GlobalId | None:
    """What an id names, be it global or a UUID as in URLs; None if it is neither."""
    if len(text) > _LONGEST:
        return None
    try:
        return GlobalId(None, UUID(text))
    except ValueError:
        pass
    try:
        padded = text + "=" * (-len(text) % 4)
        kind, _, identifier = urlsafe_b64decode(padded.encode()).decode().partition(":")
        return GlobalId(kind, UUID(identifier))
    except ValueError:
        return None
