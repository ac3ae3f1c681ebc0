"""Events of signing in and out."""

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
    user_id: UUID
    method: Literal["password", "totp", "recovery_code", "google", "oidc"]


class SessionRevoked(Event):
    """A session ended before its time: nothing it gave access by is good any more. `reused` means
    that one of its refresh tokens came twice, so that somebody may have had a copy.
    """

    source: ClassVar[str] = "auth"
    topic: ClassVar[str] = "sessions"
    permission: ClassVar[str] = "audit.read"
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
