"""The mails that people get about their account, and the links in some of them.

A link's token is 256 random bits, of which only the SHA-256 is stored. It stands behind the `#` of
the link, where no server, log or `Referer` header sees it, and it is used by a POST, so that what
opens links ahead of people (scanners, previews) uses up none.

Nothing in a mail was written by who caused it, not even a name: else we would carry anybody's words
to any address.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from secrets import token_bytes
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shared.errors import BadRequest

LinkPurpose = Literal["verify_email", "reset_password"]
Notice = Literal[
    "password_reset",
    "password_changed",
    "factor_added",
    "factor_removed",
    "recovery_codes_made",
    "recovery_code_used",
    "google_linked",
]
Purpose = LinkPurpose | Notice

LINKS: tuple[LinkPurpose, ...] = get_args(LinkPurpose)
LINK_LIVES_S: Mapping[LinkPurpose, int] = MappingProxyType(
    {"verify_email": 24 * 3600, "reset_password": 30 * 60}
)


class InvalidLink(BadRequest):
    """The link is not valid, or not any more; ask for another one."""


class MailDue(BaseModel):
    """Message on `auth-mail`: a mail is to be sent. It holds nothing but where that is written."""

    model_config = ConfigDict(frozen=True)

    mail_id: UUID


class Mail(BaseModel):
    """A mail that was taken up, and whom it goes to as they are now. `needed` says whether there
    still is a reason for it.
    """

    model_config = ConfigDict(frozen=True)

    id: UUID
    purpose: Purpose
    attempts: int
    user_id: UUID
    email: str
    needed: bool


class Letter(NamedTuple):
    """What a mail says."""

    subject: str
    text: str
    html: str


def new_token() -> str:
    """A token that nobody can guess."""
    return urlsafe_b64encode(token_bytes(32)).decode().rstrip("=")


def token_hash(token: str) -> bytes:
    """What is stored of a token; a lone surrogate, which is in none, makes it no error."""
    return sha256(token.encode(errors="replace")).digest()


_PATHS: Mapping[LinkPurpose, str] = MappingProxyType(
    {"verify_email": "verify-email", "reset_password": "reset-password"}
)
_SAYS: Mapping[Purpose, tuple[str, str]] = MappingProxyType(
    {
        "verify_email": (
            "Confirm your e-mail address",
            "Somebody, we hope you, made an account with this address. Open this link within a day"
            " to confirm that it is yours. If it was not you, do nothing.",
        ),
        "reset_password": (
            "Choose a new password",
            "Open this link within 30 minutes to choose a new password. If you did not ask for it,"
            " do nothing: your password stays as it is.",
        ),
        "password_reset": (
            "Your password was reset",
            "Your password was just reset by a link that we sent to this address, and you were"
            " signed out everywhere; your API keys and your sign-in with Google ended, too. If it"
            " was not you, somebody reads your mails: see to that first, then reset the password"
            " again.",
        ),
        "password_changed": (
            "Your password was changed",
            "Your password was just changed, and you were signed out everywhere else; your API keys"
            " are as they were. If it was not you, reset your password now: that ends them, too.",
        ),
        "factor_added": (
            "Your second factor is on",
            "From now on, signing in with your password takes a code as well. If it was not you,"
            " reset your password now, and ask whoever runs this service to remove the factor.",
        ),
        "factor_removed": (
            "Your second factor is off",
            "From now on, signing in takes your password alone. If it was not you, reset your"
            " password now.",
        ),
        "recovery_codes_made": (
            "You have new recovery codes",
            "New recovery codes were just made for your account; the old ones are good no more. If"
            " it was not you, reset your password now.",
        ),
        "recovery_code_used": (
            "A recovery code was used",
            "Somebody signed in to your account with your password and one of your recovery codes."
            " If it was not you, reset your password now, and make new recovery codes.",
        ),
        "google_linked": (
            "You sign in with Google",
            "From now on, the account at Google that has this address gets you in. If it was not"
            " you, reset your password now: that ends it, too.",
        ),
    }
)


def letter(purpose: Purpose, *, console_url: str, token: str | None) -> Letter:
    """What a mail says; with a link into the console where there is a token."""
    subject, body = _SAYS[purpose]
    link = ""
    if token is not None and purpose in LINKS:
        link = f"{console_url.rstrip('/')}/{_PATHS[purpose]}#token={token}"
    text = f"Hello,\n\n{body}\n"
    html = f"<p>Hello,</p>\n<p>{escape(body)}</p>\n"
    if link:
        text += f"\n{link}\n"
        html += f'<p><a href="{escape(link)}">{escape(link)}</a></p>\n'
    return Letter(subject, text, html)
