"""Who belongs to a workspace, and what of it is theirs to give."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.access import OWNED, ROLES, Access, MoreThanYours, NotPermitted, access_of
from shared.errors import Conflict, FieldError, NotFound, Unprocessable

BuiltinRole = Literal["owner", "admin", "member", "viewer"]
AnyRole = Literal["owner", "admin", "member", "viewer", "custom"]


class MemberNotFound(NotFound):
    """There is no member with this id."""


class LastOwner(Conflict):
    """A workspace needs an owner: make somebody else one first."""


class UnknownRole(Unprocessable):
    """There is no such role."""

    def __init__(self) -> None:
        detail = "this workspace has no role with this id"
        super().__init__(errors=(FieldError("/role_id", detail, "unknown"),))


class UnknownHeir(Unprocessable):
    """Who leaves can pass what they own to another member only; see `errors`."""

    def __init__(self) -> None:
        detail = "expected another member of this workspace"
        super().__init__(errors=(FieldError("/query/reassign_to", detail, "unknown"),))


class RoleChoice(BaseModel):
    """A role that every workspace has, or one of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: BuiltinRole | None = None
    role_id: UUID | None = Field(default=None, description="In place of `role`.")

    @model_validator(mode="after")
    def _says_one(self) -> Self:
        if (self.role is None) == (self.role_id is None):
            raise ValueError("expected either role or role_id")
        return self

    @property
    def pointer(self) -> str:
        """Where it was said."""
        return "/role" if self.role else "/role_id"


class MemberChange(RoleChoice):
    """The role that a member is to have."""


class Member(BaseModel):
    """A person who belongs to the workspace, or did."""

    model_config = ConfigDict(frozen=True)

    id: UUID = Field(description="The person's: the same in every workspace of theirs.")
    name: str
    email: str
    role: AnyRole = Field(description="`custom` is the role that `role_id` names.")
    role_id: UUID | None
    version: int
    created_at: datetime = Field(description="When they joined for the first time.")
    updated_at: datetime
    ended_at: datetime | None = Field(description="When they left; null for members.")


ReassignTo = Annotated[
    UUID | None,
    Field(description="The member whom contacts and tasks of the one who leaves pass to."),
]


@dataclass(frozen=True, slots=True)
class Standing:
    """A role, and what it permits: of a member, or one that somebody is to have."""

    role: AnyRole
    role_id: UUID | None
    access: Access

    def require_to_give(self, wanted: Standing, *, at: str) -> None:
        """Go on only if who stands here may give this to somebody, or take it from them: nobody
        gives what they do not have, and owners are made and unmade by owners. `at` is where it was
        asked for, as a JSON pointer.

        Raises:
            MoreThanYours: they may not.
        """
        more = wanted.access.beyond(self.access)
        if "owner" == wanted.role != self.role:
            only = FieldError(at, "owners alone make and unmake owners", "permission")
            raise MoreThanYours(errors=(only,))
        if more:
            detail = f"more than you may yourself: {' '.join(more)}"
            raise MoreThanYours(errors=(FieldError(at, detail, "permission"),))


class StandingRow(BaseModel):
    """The same as Postgres has it; `grants` are those of a role of the workspace's own."""

    model_config = ConfigDict(frozen=True)

    role: AnyRole
    role_id: UUID | None
    grants: list[str] | None

    @property
    def standing(self) -> Standing:
        """What it means."""
        if self.grants is not None:
            return Standing(self.role, self.role_id, access_of(" ".join(self.grants)))
        return Standing(self.role, None, ROLES[self.role])


def require_to_reassign(access: Access) -> None:
    """Go on only for whoever may give everybody's records to somebody.

    Raises:
        NotPermitted: they do not see, or may not change, all of them.
    """
    missing = [
        permission
        for thing in sorted(OWNED)
        for permission in (f"{thing}.read", f"{thing}.write")
        if access.reach.get(permission) != "all"
    ]
    if missing:
        detail = f"this needs {' '.join(missing)}, for everybody's records"
        raise NotPermitted(errors=(FieldError("/query/reassign_to", detail, "permission"),))
