"""Events of what people ask to have handed out or erased. They say ids and counts, and no more:
an event is kept for as long as the feed.
"""

from typing import ClassVar, Literal
from uuid import UUID

from events.envelope import Event


class PersonExportRequested(Event):
    """Somebody's data is to be handed out. `aggregate_id` is the request."""

    source: ClassVar[str] = "privacy"
    permission: ClassVar[str] = "workspace.settings"
    contact_id: UUID | None = None


class PersonExported(Event):
    """An export can be downloaded, for seven days; `size` is in bytes."""

    source: ClassVar[str] = "privacy"
    permission: ClassVar[str] = "workspace.settings"
    contact_id: UUID | None = None
    records: int
    size: int


class PersonErasureRequested(Event):
    """Somebody's data is to be erased. `aggregate_id` is the request."""

    source: ClassVar[str] = "privacy"
    permission: ClassVar[str] = "workspace.settings"
    contact_id: UUID | None = None


class PersonErased(Event):
    """Somebody's data is erased: whoever has copies of these contacts deletes them, too."""

    source: ClassVar[str] = "privacy"
    permission: ClassVar[str] = "workspace.settings"
    contact_ids: tuple[UUID, ...]
    rows: int


class PrivacyRequestFailed(Event):
    """A request was given up; it says why, and what was done."""

    source: ClassVar[str] = "privacy"
    permission: ClassVar[str] = "workspace.settings"
    kind: Literal["export", "erasure"]
    reason: str
