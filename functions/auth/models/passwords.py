"""What changing and resetting a password takes."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from functions.auth.models.accounts import NewPassword, Password
from shared.errors import Unprocessable
from shared.values import EmailAddress


class WrongPassword(Unprocessable):
    """This is not your password."""


class Address(BaseModel):
    """Where a link is to be sent to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    email: EmailAddress


class Asked(BaseModel):
    """The answer whether or not there is such an account."""

    model_config = ConfigDict(frozen=True)

    detail: str = "If there is an account with this address, a mail is on its way to it."


class ResetPassword(BaseModel):
    """The token of the link, and the password to have from now on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: SecretStr = Field(max_length=200)
    password: NewPassword


class ChangePassword(BaseModel):
    """The password as it is, and as it is to be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    current: Password
    new: NewPassword


class ProvePassword(BaseModel):
    """The password, so that an open session alone cannot do this."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    password: Password
