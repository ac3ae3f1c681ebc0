"""What a session is: a sign-in, the refresh tokens that follow one another in it, how it ends.

A refresh token is `hrt.<workspace>.<secret>`: the workspace lets row-level security find it, the
secret is 256 random bits. Only the SHA-256 of the secret is stored, which is enough for a secret
that cannot be guessed.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from ipaddress import ip_address
from secrets import token_bytes
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from shared.errors import Conflict, Forbidden, NotFound, Unauthorized

Method = Literal["password", "totp", "recovery_code", "google", "oidc"]
"""How somebody proved who they are; of two factors the second one."""

Reason = Literal[
    "signed_out",
    "ended",
    "reused",
    "switched",
    "password_changed",
    "password_reset",
    "factor_changed",
    "membership_ended",
]
"""Why a session was revoked: `ended` from another session, `reused` by a refresh token that came
twice, `switched` for one in another workspace.
"""

_PREFIX = "hrt"
_USER_AGENT_KEPT = 300


class InvalidRefreshToken(Unauthorized):
    """The refresh token is not valid, or not any more; sign in again."""


class AlreadyRefreshed(Conflict):
    """This refresh token was used a moment ago; go on with the one that came of it."""


class SessionNotFound(NotFound):
    """You have no session with this id."""


class NoSession(Forbidden):
    """An API key has no sessions; sign in."""


class Client(BaseModel):
    """Where a request comes from, as API Gateway saw it. Personal data."""

    model_config = ConfigDict(frozen=True)

    address: str | None = None
    user_agent: str | None = None

    @classmethod
    def seen(cls, address: str | None, user_agent: str | None) -> Client:
        """As it is stored: an address that is one, in its one spelling, and a short user agent."""
        try:
            known = str(ip_address(address or ""))
        except ValueError:
            known = None
        agent = (user_agent or "").replace("\0", "").encode(errors="replace").decode()
        return cls(address=known, user_agent=agent[:_USER_AGENT_KEPT] or None)


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """One refresh token. Its `repr` does not tell the secret."""

    workspace_id: UUID
    secret: SecretStr

    @classmethod
    def new(cls, workspace_id: UUID) -> RefreshToken:
        """One that nobody can guess."""
        secret = urlsafe_b64encode(token_bytes(32)).decode().rstrip("=")
        return cls(workspace_id, SecretStr(secret))

    @classmethod
    def read(cls, text: str) -> RefreshToken:
        """The token that a text is.

        Raises:
            InvalidRefreshToken: it has not the form of one.
        """
        prefix, _, rest = text.partition(".")
        workspace, _, secret = rest.partition(".")
        if prefix != _PREFIX or len(secret) != 43 or not secret.isascii():
            raise InvalidRefreshToken
        try:
            return cls(UUID(workspace), SecretStr(secret))
        except ValueError:
            raise InvalidRefreshToken from None

    @property
    def text(self) -> str:
        """As it is handed out."""
        return f"{_PREFIX}.{self.workspace_id.hex}.{self.secret.get_secret_value()}"

    @property
    def hash(self) -> bytes:
        """As it is stored."""
        return sha256(self.secret.get_secret_value().encode()).digest()


class Presented(BaseModel):
    """A refresh token that was presented, with its session, both locked.

    `alive`: the session is neither over nor revoked. `raced`: the token is the one before the last,
    used a moment ago by what looks like the same client.
    """

    model_config = ConfigDict(frozen=True)

    session_id: UUID
    user_id: UUID
    method: Method
    signed_in_at: datetime
    alive: bool
    used: bool
    raced: bool

    @property
    def good(self) -> bool:
        """Whether it may be used."""
        return self.alive and not self.used

    @property
    def copied(self) -> bool:
        """Whether somebody has it who should not."""
        return self.alive and self.used and not self.raced


class Ended(BaseModel):
    """A session that was just revoked; `version` is that of its event."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    user_id: UUID
    version: int


class ListedSession(BaseModel):
    """A session of the caller's own, as it was last used."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    method: Method
    created_at: datetime
    last_used_at: datetime = Field(description="When its tokens were last refreshed.")
    expires_at: datetime
    address: str | None
    user_agent: str | None
    current: bool = Field(description="Whether it is the one that asks.")


class Refresh(BaseModel):
    """A refresh token to use, or none where the cookie has it. `workspace_id` is for going on in
    another workspace: the session here ends, and one begins there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    refresh_token: SecretStr | None = Field(default=None, max_length=200)
    workspace_id: UUID | None = None


class SignOut(BaseModel):
    """The refresh token of the session to end; without one, the cookie's or the bearer token's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    refresh_token: SecretStr | None = Field(default=None, max_length=200)
