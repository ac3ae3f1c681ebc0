"""Events of workspaces and their members."""

from typing import ClassVar
from uuid import UUID

from events.envelope import Event


class WorkspaceCreated(Event):
    """A workspace was created, with its first owner."""

    source: ClassVar[str] = "workspaces"
    topic: ClassVar[str] = "workspace"
    name: str
    owner_id: UUID
