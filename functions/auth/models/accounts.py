"""What signing up and signing in take and give."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from functions.auth.models.sessions import Method
from shared.access import ROLES, Access, access_of
from shared.errors import Conflict, Forbidden, Unauthorized
from shared.values import EmailAddress, Name


def _one_spelling(password: SecretStr) -> SecretStr:
    """NFKC, so that a password typed on another keyboard is the same (NIST SP 800-63B §3.1.1.2).

    Raises:
        ValueError: it holds a lone surrogate, which is no character.
    """
    text = unicodedata.normalize("NFKC", password.get_secret_value())
    if any(unicodedata.category(character) == "Cs" for character in text):
        raise ValueError("contains a surrogate, which is not a character")
    return SecretStr(text)


Password = Annotated[SecretStr, Field(max_length=200), AfterValidator(_one_spelling)]
NewPassword = Annotated[Password, Field(min_length=10)]
InCookie = Annotated[
    bool,
    Field(description="For browsers: the refresh token comes as a cookie that no script can read."),
]


class AccountExists(Conflict):
    """There is an account with this email already; sign in instead."""


class WrongCredentials(Unauthorized):
    """The email or the password is wrong."""


class NotAMember(Forbidden):
    """You are not a member of this workspace."""


class SignUp(BaseModel):
    """A person who is new here, and the workspace they start with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    email: EmailAddress
    password: NewPassword
    name: Name
    workspace_name: Name
    cookie: InCookie = False


class SignIn(BaseModel):
    """A person who comes back; `workspace_id` chooses among several workspaces."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    email: EmailAddress
    password: Password
    workspace_id: UUID | None = None
    cookie: InCookie = False


class Account(BaseModel):
    """A person as sign-in needs them."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    password_hash: str
    second_factor: bool


class Membership(BaseModel):
    """That a person belongs to a workspace, and as what."""

    model_config = ConfigDict(frozen=True)

    workspace_id: UUID
    role: str


def access_of_member(role: str, grants: list[str] | None) -> Access:
    """What a member may do; `grants` are those of a role of the workspace's own."""
    return access_of(" ".join(grants)) if grants is not None else ROLES[role]


class Session(BaseModel):
    """A sign-in that is neither revoked nor over, with the person's role as it is now; `grants` are
    those of a role of the workspace's own.
    """

    model_config = ConfigDict(frozen=True)

    user_id: UUID
    method: Method
    role: str
    grants: list[str] | None = None
    expires_at: datetime

    @property
    def access(self) -> Access:
        """What the person may do."""
        return access_of_member(self.role, self.grants)


class Token(BaseModel):
    """An access token (RFC 6749 §5.1) for one workspace, and the workspaces there are; with what
    gets the next one, unless that is in a cookie.
    """

    model_config = ConfigDict(frozen=True)

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 -- the name of a scheme, not a secret
    expires_in: int = Field(description="Seconds.")
    refresh_token: str | None = Field(
        default=None, description="Good once: each use gives another."
    )
    refresh_expires_in: int = Field(description="Seconds.")
    workspace_id: UUID
    user_id: UUID
    role: str
    memberships: list[Membership]
