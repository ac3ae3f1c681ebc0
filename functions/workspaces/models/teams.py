"""Teams: members who see each other's records, where their role's reading reaches that far."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shared.access import OWNED, Access, MoreThanYours
from shared.errors import Conflict, FieldError, NotFound
from shared.values import Name


class TeamNotFound(NotFound):
    """There is no team with this id."""


class TeamNameTaken(Conflict):
    """Another team has that name already."""


class NewTeam(BaseModel):
    """A team to make."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name


class TeamChange(BaseModel):
    """What is to be different."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name


class Team(BaseModel):
    """A team. Its version grows as well when somebody comes or goes."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    name: str
    version: int
    created_at: datetime
    updated_at: datetime


def require_to_join(access: Access) -> None:
    """Go on only for whoever may put people together in a team: those come to see each other's
    records, so it takes somebody who sees them all.

    Raises:
        MoreThanYours: they do not.
    """
    narrow = [
        f"{thing}.read" for thing in sorted(OWNED) if access.reach.get(f"{thing}.read") != "all"
    ]
    if narrow:
        detail = f"this needs {' '.join(narrow)}, for everybody's records"
        raise MoreThanYours(errors=(FieldError("", detail, "permission"),))
