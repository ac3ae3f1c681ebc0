"""Identifiers of rows and events. The maker lives in `events`, which may import nothing of ours."""

from events.ids import made_at, uuid7

__all__ = ["made_at", "uuid7"]
