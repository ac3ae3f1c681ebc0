"""Signing in by an account elsewhere: what begins it, what finishes it, and who somebody is there.

`state` goes to the provider and comes back; `binding` stays with whoever began, so that nobody can
be made to finish what another one has begun (RFC 9700 §4.7). Both are 256 random bits.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from functions.auth.models.accounts import InCookie
from shared.errors import BadRequest, Conflict, Forbidden, NotFound, Unauthorized, Unavailable
from shared.values import Name

ProviderKind = Literal["google", "sso"]
BEGUN_LIVES_S = 600


class GoogleNotSetUp(NotFound):
    """There is no sign-in with Google here; those who run this installation can set it up."""


class NoSso(NotFound):
    """This workspace has no single sign-on."""


class InvalidSignIn(BadRequest):
    """This sign-in was not begun here, is finished, or has taken too long; begin again."""


class Declined(Forbidden):
    """You, or your provider, did not agree to this sign-in."""


class ProviderRefused(BadRequest):
    """The provider did not take this sign-in for one of its own; begin again."""


class ProviderUnavailable(Unavailable):
    """The provider does not answer, or not as OpenID Connect has it; try again."""


class NotProven(Unauthorized):
    """What the provider says does not prove who you are; begin again."""


class NotLinked(NotFound):
    """No account at Google gets you in."""


class AddressNotVouchedFor(Forbidden):
    """Google does not vouch for this address; sign in with a password."""


class AddressNotProven(Conflict):
    """There is an account with this address, and nobody has proven that it is theirs: reset the
    password, or confirm the address with it; then sign in here again.
    """


class FactorGuardsAccount(Conflict):
    """Your account has a second factor, so Google does not get you in by its address alone: sign in
    with your password, and turn the factor off until you have signed in with Google once.
    """


class NotInvited(Forbidden):
    """This workspace lets nobody in who is no member; ask to be invited."""


class AddressNotAllowed(Forbidden):
    """Single sign-on of this workspace is not for your address."""


class BeginSignIn(BaseModel):
    """Where to sign in. `workspace_id` is the workspace to enter; for `sso` it has to be named.
    `workspace_name` is for whoever is new with Google: the workspace they start with.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: ProviderKind
    workspace_id: UUID | None = None
    workspace_name: Name | None = None
    cookie: InCookie = False

    @model_validator(mode="after")
    def _fits(self) -> BeginSignIn:
        if self.provider == "sso" and self.workspace_id is None:
            raise ValueError("single sign-on is a workspace's own: name it by workspace_id")
        return self


class BegunSignIn(BaseModel):
    """Where to send the browser, and what to finish with, unless that is in a cookie."""

    model_config = ConfigDict(frozen=True)

    authorization_url: str
    binding: str | None
    expires_in: int = Field(description="Seconds in which to come back.")


Returned = Annotated[str, Field(max_length=4096)]
"""What a provider put on the URL of the callback."""


class FinishSignIn(BaseModel):
    """What the provider sent back: `code`, or `error`. `binding` where it is in no cookie."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: SecretStr = Field(max_length=200)
    code: SecretStr | None = Field(default=None, max_length=4096)
    error: Returned | None = None
    iss: Returned | None = None
    binding: SecretStr | None = Field(default=None, max_length=200)

    @model_validator(mode="after")
    def _one_of_them(self) -> FinishSignIn:
        if (self.code is None) == (self.error is None):
            raise ValueError("expected what the provider sent back: a code, or an error")
        return self


class Begun(BaseModel):
    """A sign-in that was begun, taken up to be finished."""

    model_config = ConfigDict(frozen=True)

    provider: ProviderKind
    issuer: str
    client_id: str
    nonce: str
    verifier: str
    wanted: UUID | None
    workspace_name: str | None


class Party(BaseModel):
    """Who we are at a provider."""

    model_config = ConfigDict(frozen=True)

    issuer: str
    client_id: str
    client_secret: SecretStr


class Identity(BaseModel):
    """Who somebody is at a provider, as its token says. `email_verified` is None where it says
    nothing; `hosted`: Google keeps the mails of the address's domain.
    """

    model_config = ConfigDict(frozen=True)

    issuer: str
    subject: str
    email: str | None
    email_verified: bool | None
    name: str | None
    hosted: bool = False

    @property
    def called(self) -> str:
        """A name for a new account."""
        return self.name or (self.email or "").partition("@")[0] or "?"

    @property
    def vouched(self) -> bool:
        """Whether Google is the one to say whose address it is: it has its mails, and not only once
        sent one there.
        https://developers.google.com/identity/gsi/web/guides/verify-google-id-token
        """
        gmail = (self.email or "").endswith("@gmail.com")
        return self.email_verified is True and (gmail or self.hosted)
