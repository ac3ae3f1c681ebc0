"""What a contact is, and what a caller may say about one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.errors import BadRequest, Conflict, NotFound, Unprocessable
from shared.values import EmailAddress, Line, Name

Phone = Annotated[Line, Field(min_length=1, max_length=40)]
Tag = Annotated[Line, Field(min_length=1, max_length=60)]


def _once_each(tags: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tags))


MOST_TAGS = 50
Tags = Annotated[tuple[Tag, ...], Field(max_length=MOST_TAGS), AfterValidator(_once_each)]


class ContactNotFound(NotFound):
    """There is no contact with this id."""


class EmailTaken(Conflict):
    """Another contact in this workspace already has that email."""


class UnknownMatch(BadRequest):
    """Contacts are not matched by that; see `errors`."""


class NewContact(BaseModel):
    """A contact to create, or to change where one has its email. Left out, its owner is the caller;
    null is nobody.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    thing: ClassVar[str] = "contacts"

    name: Name
    email: EmailAddress | None = None
    phone: Phone | None = None
    company: Name | None = None
    job_title: Name | None = None
    tags: Tags = ()
    owner_id: UUID | None = None


class ContactChange(BaseModel):
    """Fields to change; those left out stay, and null clears what may be empty."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    thing: ClassVar[str] = "contacts"

    name: Name | None = Field(default=None, description="A name cannot be cleared.")
    email: EmailAddress | None = None
    phone: Phone | None = None
    company: Name | None = None
    job_title: Name | None = None
    tags: Tags | None = None
    owner_id: UUID | None = None


class ContactEdit(BaseModel):
    """What to change of many contacts; fields left out stay, and null clears. Tags are set all
    together, or some are added and removed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    thing: ClassVar[str] = "contacts"

    phone: Phone | None = None
    company: Name | None = None
    job_title: Name | None = None
    owner_id: UUID | None = None
    tags: Tags | None = None
    add_tags: Tags = ()
    remove_tags: Tags = ()


class TagsUnclear(Unprocessable):
    """Tags are to be set and changed at once, or the same one is to be added and removed."""


class TooManyTags(Unprocessable):
    """A contact would have more tags than it may."""


class Contact(BaseModel):
    """A person the workspace knows."""

    model_config = ConfigDict(frozen=True)
    thing: ClassVar[str] = "contacts"

    id: UUID
    name: str
    email: str | None
    phone: str | None
    company: str | None
    job_title: str | None
    tags: tuple[str, ...]
    owner_id: UUID | None
    version: int
    created_at: datetime
    updated_at: datetime


class EditedContact(Contact):
    """A contact, and which of its fields an edit has changed."""

    changed: tuple[str, ...]


class StoredContact(Contact):
    """A contact as it is stored, deleted or not."""

    deleted_at: datetime | None
