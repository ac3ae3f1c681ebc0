"""Roles: those every workspace has, and those of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from functions.workspaces.models.members import BuiltinRole
from shared.access import ROLES, Access, MoreThanYours, access_of, checked
from shared.errors import Conflict, FieldError, NotFound
from shared.values import Name


class RoleNotFound(NotFound):
    """There is no role with this id."""


class RoleNameTaken(Conflict):
    """Another role has that name already."""


class RoleInUse(Conflict):
    """Members have this role, or are invited to it: give them another one first."""


Grants = Annotated[
    tuple[Annotated[str, Field(max_length=100)], ...],
    Field(
        max_length=100,
        description="Permissions such as `contacts.read`, `contacts.read:own` or"
        " `contacts.read:team`, and hidden fields as `-contacts.phone`. What is not granted is"
        " refused.",
        examples=[["contacts.read:team", "contacts.write", "-contacts.phone"]],
    ),
]


class NewRole(BaseModel):
    """A role of the workspace's own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    grants: Grants


class RoleChange(BaseModel):
    """What is to be different; what is left out or null stays."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name | None = None
    grants: Grants | None = None


class Role(BaseModel):
    """A role of the workspace's own."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    name: str
    grants: tuple[str, ...]
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def access(self) -> Access:
        """What it permits."""
        return access_of(" ".join(self.grants))


class Builtin(BaseModel):
    """A role that every workspace has. It cannot be changed."""

    model_config = ConfigDict(frozen=True)

    role: BuiltinRole
    grants: tuple[str, ...]


class Roles(BaseModel):
    """A page of a workspace's own roles, newest first, and those that every workspace has."""

    model_config = ConfigDict(frozen=True)

    builtin: tuple[Builtin, ...]
    items: list[Role]
    next_cursor: str | None


BUILTIN: tuple[Builtin, ...] = (
    Builtin(role="owner", grants=ROLES["owner"].grants()),
    Builtin(role="admin", grants=ROLES["admin"].grants()),
    Builtin(role="member", grants=ROLES["member"].grants()),
    Builtin(role="viewer", grants=ROLES["viewer"].grants()),
)


def checked_grants(grants: tuple[str, ...], maker: Access) -> tuple[str, ...]:
    """The grants of a role that somebody makes, in their one spelling.

    Raises:
        InvalidGrants: there is no such grant; its errors name them.
        MoreThanYours: they permit more than their maker may do.
    """
    wanted = checked(grants, at="/grants")
    errors = tuple(
        FieldError(_place(one, grants), _why(one), "permission") for one in wanted.beyond(maker)
    )
    if errors:
        raise MoreThanYours(errors=errors)
    return wanted.grants()


def _place(grant: str, grants: tuple[str, ...]) -> str:
    """Where a grant was asked for; what had to be hidden was asked for nowhere."""
    said = (place for place, one in enumerate(grants) if one in (grant, f"{grant}:all"))
    return next((f"/grants/{place}" for place in said), "/grants")


def _why(grant: str) -> str:
    if grant.startswith("-"):
        return f"{grant} is missing: this is hidden from you"
    return "this is more than you may yourself"
