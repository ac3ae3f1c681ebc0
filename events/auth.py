"""Events of signing in and out, and of what people do about themselves.

People belong to no workspace, so each of theirs that they are a member of is told.
"""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from events.envelope import Event


class SessionOpened(Event):
    """A person signed in. `aggregate_id` is the session; `method` is how they proved who they are,
    of two factors the second one.
    """

    source: ClassVar[str] = "auth"
    topic: ClassVar[str] = "sessions"
    permission: ClassVar[str] = "audit.read"
    audited: ClassVar[bool] = True
    user_id: UUID
    method: Literal["password", "totp", "recovery_code", "google", "oidc"]


class SignInFailed(Event):
    """Somebody tried to sign in as a member: the password was wrong, or after it the second factor.
    `aggregate_id` is the person. It is told a minute or two later.
    """

    source: ClassVar[str] = "auth"
    topic: ClassVar[str] = "sessions"
    permission: ClassVar[str] = "audit.read"
    audited: ClassVar[bool] = True
    step: Literal["password", "second_factor"]
    tried_at: datetime


class SessionRevoked(Event):
    """A session ended before its time: nothing it gave access by is good any more. `reused` means
    that one of its refresh tokens came twice, so that somebody may have had a copy.
    """

    source: ClassVar[str] = "auth"
    topic: ClassVar[str] = "sessions"
    permission: ClassVar[str] = "audit.read"
    audited: ClassVar[bool] = True
    user_id: UUID
    reason: Literal[
        "signed_out",
        "ended",
        "reused",
        "switched",
        "password_changed",
        "password_reset",
        "factor_changed",
        "membership_ended",
    ]


class ProfileChanged(Event):
    """A member changed their name. `aggregate_id` is the person."""

    source: ClassVar[str] = "auth"
    topic: ClassVar[str] = "people"
    permission: ClassVar[str] = "members.read"
    audited: ClassVar[bool] = True
    name: str


class EmailVerified(Event):
    """A member proved that the mails of their address reach them: by the link and their password,
    or by resetting the password, so that whoever had the account before may have been another.
    `aggregate_id` is the person.
    """

    source: ClassVar[str] = "auth"
    topic: ClassVar[str] = "people"
    permission: ClassVar[str] = "audit.read"
    audited: ClassVar[bool] = True
    by: Literal["link", "password_reset"] = "link"


class PasswordChanged(Event):
    """A member has another password: by the one before, or by a link that was mailed to them."""

    source: ClassVar[str] = "auth"
    topic: ClassVar[str] = "people"
    permission: ClassVar[str] = "audit.read"
    audited: ClassVar[bool] = True
    by: Literal["password", "link"]


class SecondFactorChanged(Event):
    """A member turned a second factor on or off, or has new recovery codes for it."""

    source: ClassVar[str] = "auth"
    topic: ClassVar[str] = "people"
    permission: ClassVar[str] = "audit.read"
    audited: ClassVar[bool] = True
    factor: Literal["totp"]
    change: Literal["added", "removed", "recovery_codes"]


class IdentityLinked(Event):
    """A member signs in by an account elsewhere from now on: by Google, or by the workspace's own
    provider. `aggregate_id` is the person.
    """

    source: ClassVar[str] = "auth"
    topic: ClassVar[str] = "people"
    permission: ClassVar[str] = "audit.read"
    audited: ClassVar[bool] = True
    provider: Literal["google", "sso"]


class IdentityUnlinked(Event):
    """A member's account at Google gets them in no more: they said so, or reset their password.
    `aggregate_id` is the person.
    """

    source: ClassVar[str] = "auth"
    topic: ClassVar[str] = "people"
    permission: ClassVar[str] = "audit.read"
    audited: ClassVar[bool] = True
    provider: Literal["google"]


class SsoConfigured(Event):
    """A workspace set up its single sign-on, or changed it. `domains` are those of addresses that
    it is for; `default_role` is what who is new becomes, null: nobody new is let in; `required`:
    all but owners get in by it alone.
    """

    source: ClassVar[str] = "auth"
    topic: ClassVar[str] = "workspace"
    permission: ClassVar[str] = "workspace.settings"
    issuer: str
    domains: tuple[str, ...]
    default_role: Literal["admin", "member", "viewer"] | None = None
    required: bool
    enabled: bool


class SsoRemoved(Event):
    """A workspace has no single sign-on any more: its sessions end at their next refresh."""

    source: ClassVar[str] = "auth"
    topic: ClassVar[str] = "workspace"
    permission: ClassVar[str] = "workspace.settings"
    issuer: str


class AccountErasureRequested(Event):
    """A person is erasing their account, and is a member no more. `aggregate_id` is the person, of
    whom nothing remains but that id.
    """

    source: ClassVar[str] = "auth"
    topic: ClassVar[str] = "people"
    permission: ClassVar[str] = "members.read"
    audited: ClassVar[bool] = True


class ApiKeyCreated(Event):
    """A member made an API key. `aggregate_id` is the key; what it is made of is told to nobody.
    `grants` are what it permits, as far as its maker's role does; `expires_at` null: it does not.
    """

    source: ClassVar[str] = "auth"
    topic: ClassVar[str] = "keys"
    permission: ClassVar[str] = "keys.settings"
    user_id: UUID
    name: str
    grants: tuple[str, ...]
    expires_at: datetime | None = None
    rate_limit_per_s: int | None = None


class ApiKeyChanged(Event):
    """An API key has another name."""

    source: ClassVar[str] = "auth"
    topic: ClassVar[str] = "keys"
    permission: ClassVar[str] = "keys.settings"
    user_id: UUID
    name: str


class ApiKeyRevoked(Event):
    """An API key was revoked: within a minute nobody gets in by it any more."""

    source: ClassVar[str] = "auth"
    topic: ClassVar[str] = "keys"
    permission: ClassVar[str] = "keys.settings"
    user_id: UUID
    name: str
