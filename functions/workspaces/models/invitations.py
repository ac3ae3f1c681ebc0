"""Invitations, and the mails that they are sent by.

A mail's token names the workspace, the invitation and 256 random bits; of those only the SHA-256 is
stored. It stands behind the `#` of the link, where no server, log or `Referer` header sees it.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from html import escape
from secrets import token_bytes
from typing import Literal, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from functions.workspaces.models.members import AnyRole, RoleChoice
from shared.errors import BadRequest, Conflict, FieldError, Forbidden, NotFound, TooManyRequests
from shared.values import EmailAddress

LIVES_DAYS = 7
MOST_OPEN = 200
MOST_A_DAY = 200
"""Invitations that a workspace makes in 24 hours, revoked ones included: each is a mail."""
AGAIN_AFTER_S = 300
"""How long after a mail was asked for another one may be."""
MOST_ATTEMPTS = 10
"""Six hours of waiting in all."""
_TOKEN = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{32})\.([\w-]{43})", re.ASCII)


class InvitationNotFound(NotFound):
    """There is no open invitation with this id."""


class AlreadyMember(Conflict):
    """Somebody with this address is a member already."""


class TooManyInvitations(Conflict):
    """There are too many open invitations, or were made too many today."""


class AskedTooSoon(TooManyRequests):
    """A mail was asked for only just; wait as Retry-After says."""


class InviterNotVerified(Forbidden):
    """Confirm your own e-mail address first: the mail names it."""


class InvalidInvitation(BadRequest):
    """The invitation is not valid, or not any more; ask for another one."""


class ForAnotherAddress(Forbidden):
    """This invitation is for another e-mail address than your account's."""


class NewInvitation(RoleChoice):
    """Somebody to invite."""

    email: EmailAddress


class Acceptance(BaseModel):
    """The token of the link."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: SecretStr = Field(max_length=200)


class Accepted(BaseModel):
    """The workspace that one belongs to now. To work in it, refresh the session or sign in with its
    `workspace_id`.
    """

    model_config = ConfigDict(frozen=True)

    workspace_id: UUID
    workspace_name: str
    role: AnyRole
    role_id: UUID | None


class Invitation(BaseModel):
    """An invitation that was neither accepted nor revoked. Past `expires_at` it is good no more
    until it is sent again.
    """

    model_config = ConfigDict(frozen=True)

    id: UUID
    email: str
    role: AnyRole
    role_id: UUID | None
    invited_by: UUID
    expires_at: datetime
    mail: Literal["waiting", "sent", "failed"] = Field(description="What became of its mail.")
    version: int
    created_at: datetime
    updated_at: datetime


class Presented(BaseModel):
    """An invitation as somebody presents it; `alive` if it may be accepted now, `email` is whom it
    is for and `their_email` the address of who presents it.
    """

    model_config = ConfigDict(frozen=True)

    id: UUID
    role: AnyRole
    role_id: UUID | None
    invited_by: UUID
    accepted_by: UUID | None
    alive: bool
    email: str
    their_email: str
    version: int


class Mail(BaseModel):
    """A mail that was taken up."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    email: str
    inviter: str
    attempts: int


@dataclass(frozen=True, slots=True)
class InvitationToken:
    """What a mail proves its reader by. Its `repr` does not tell the secret."""

    workspace_id: UUID
    invitation_id: UUID
    secret: SecretStr

    @classmethod
    def new(cls, workspace_id: UUID, invitation_id: UUID) -> InvitationToken:
        """One that nobody can guess."""
        secret = urlsafe_b64encode(token_bytes(32)).decode().rstrip("=")
        return cls(workspace_id, invitation_id, SecretStr(secret))

    @classmethod
    def read(cls, text: str) -> InvitationToken:
        """The token that a text is.

        Raises:
            InvalidInvitation: it has not the form of one.
        """
        found = _TOKEN.fullmatch(text)
        if found is None:
            raise InvalidInvitation(errors=(FieldError("/token", "no such token", "invalid"),))
        return cls(UUID(found[1]), UUID(found[2]), SecretStr(found[3]))

    @property
    def text(self) -> str:
        """As it is mailed."""
        secret = self.secret.get_secret_value()
        return f"{self.workspace_id.hex}.{self.invitation_id.hex}.{secret}"

    @property
    def hash(self) -> bytes:
        """As it is stored."""
        return sha256(self.secret.get_secret_value().encode()).digest()


class Letter(NamedTuple):
    """What a mail says."""

    subject: str
    text: str
    html: str


def letter(mail: Mail, token: InvitationToken, *, console_url: str) -> Letter:
    """The mail of an invitation. Of what people typed it says nothing but the inviter's address,
    which is proven: else we would carry anybody's words to any address.
    """
    link = f"{console_url.rstrip('/')}/accept-invitation#token={token.text}"
    body = (
        f"{mail.inviter} invites you to a workspace. Open this link within {LIVES_DAYS} days to"
        f" join it; you need an account with the address {mail.email}. If you did not expect this,"
        " do nothing."
    )
    html = (
        f"<p>Hello,</p>\n<p>{escape(body)}</p>\n"
        f'<p><a href="{escape(link)}">{escape(link)}</a></p>\n'
    )
    return Letter("You are invited to a workspace", f"Hello,\n\n{body}\n\n{link}\n", html)
