"""All that is held about an account, for its person. No secret is among it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

MOST_EVENTS = 1000
"""Of each workspace, the newest."""


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True)


class ExportedProfile(_Told):
    """The account itself."""

    id: UUID
    email: str
    name: str
    email_verified_at: datetime | None
    created_at: datetime
    updated_at: datetime


class ExportedFactor(_Told):
    """A second factor; its secret is told to nobody."""

    created_at: datetime
    confirmed_at: datetime | None
    recovery_codes_left: int


class ExportedIdentity(_Told):
    """An account elsewhere that signs one in."""

    issuer: str
    subject: str
    created_at: datetime


class ExportedMail(_Told):
    """A mail about the account."""

    purpose: str
    state: str
    created_at: datetime
    sent_at: datetime | None


class ExportedSession(_Told):
    """A sign-in, as it was last used."""

    id: UUID
    method: str
    created_at: datetime
    signed_in_at: datetime
    last_used_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    address: str | None
    user_agent: str | None


class ExportedKey(_Told):
    """An API key that one made; what it is made of is told to nobody."""

    id: UUID
    name: str
    grants: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    last_used_from: str | None


class SecurityEvent(_Told):
    """What one did, or what was done to one's membership, as the audit log has it."""

    at: datetime
    action: str
    object_type: str
    object_id: UUID
    source_ip: str | None
    user_agent: str | None
    request_id: str | None


class ExportedMembership(_Told):
    """A workspace that one belongs to or did, and what is held there about one's account."""

    workspace_id: UUID
    workspace_name: str
    role: str
    joined_at: datetime
    ended_at: datetime | None
    sessions: list[ExportedSession]
    api_keys: list[ExportedKey]
    identities: list[ExportedIdentity]
    security_events: list[SecurityEvent] = Field(description="The newest 1,000, newest first.")


class AccountExport(_Told):
    """All that is held about an account."""

    profile: ExportedProfile
    second_factor: ExportedFactor | None
    identities: list[ExportedIdentity]
    mails: list[ExportedMail]
    memberships: list[ExportedMembership] = Field(
        description="After a sign-in by single sign-on, that of its workspace alone."
    )


class Joined(_Told):
    """A membership and its workspace."""

    workspace_name: str
    role: str
    joined_at: datetime
    ended_at: datetime | None
