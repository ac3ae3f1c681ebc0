"""What somebody may do now who is no caller, but has left something here that acts for them: an
endpoint, an automation. They may have left since, or have another role.
"""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shared.access import NOTHING, ROLES, Access, access_of


class Standing(BaseModel):
    """`role` is what the member is now, None for nobody any more; `grants` are those of a role of
    the workspace's own.
    """

    model_config = ConfigDict(frozen=True)

    user_id: UUID
    role: str | None
    grants: list[str] | None

    @property
    def access(self) -> Access:
        """What the member may do."""
        if self.role is None:
            return NOTHING
        return access_of(" ".join(self.grants)) if self.grants is not None else ROLES[self.role]
