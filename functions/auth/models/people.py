"""What people are told about themselves."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from functions.auth.models.accounts import Membership
from shared.errors import Forbidden, NotFound
from shared.values import Name


class EmailNotVerified(Forbidden):
    """Confirm your e-mail address first, by the link that was mailed to you."""


class PersonNotFound(NotFound):
    """There is no such account any more."""


class VerifyEmail(BaseModel):
    """The token of the link, and the account's password: the link alone proves who reads the mails,
    and not that the account is theirs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: SecretStr = Field(max_length=200)
    password: SecretStr = Field(max_length=200)


class Person(BaseModel):
    """A person's account, as commands need it. `version` is that of events about it."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    email: str
    name: str
    password_hash: str
    email_verified: bool
    version: int


class DescribedPerson(BaseModel):
    """A person with what second factor they have."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    email: str
    name: str
    email_verified: bool
    second_factor: bool
    google: bool
    recovery_codes_left: int


class Profile(BaseModel):
    """Who one is, for oneself."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    email: str
    name: str
    email_verified: bool = Field(
        description="Whether somebody proved that the mails of this address reach them. Until then"
        " nothing is given to the account because of its address."
    )
    second_factor: Literal["totp"] | None
    identities: list[Literal["google"]] = Field(
        description="Accounts elsewhere that get one in everywhere. By an API key or single sign-on"
        " they are not told."
    )
    recovery_codes_left: int
    memberships: list[Membership] = Field(
        description="By an API key or single sign-on, that of its workspace alone."
    )


class ProfileChange(BaseModel):
    """What is to be different."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
