"""Events of workspaces, their members, and what those may do."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from events.envelope import Event

Role = Literal["owner", "admin", "member", "viewer", "custom"]
"""`custom` is a role of the workspace's own, which `role_id` names."""


class WorkspaceCreated(Event):
    """A workspace was created, with its first owner."""

    source: ClassVar[str] = "workspaces"
    topic: ClassVar[str] = "workspace"
    name: str
    owner_id: UUID


class WorkspaceChanged(Event):
    """A workspace has another name. `aggregate_id` is the workspace."""

    source: ClassVar[str] = "workspaces"
    topic: ClassVar[str] = "workspace"
    name: str


class WorkspaceDeletionRequested(Event):
    """A workspace is to be deleted: it takes no changes any more, and at `purge_at` everything of
    it is gone. Of its deletion itself nothing is told, as there is nobody left.
    """

    source: ClassVar[str] = "workspaces"
    topic: ClassVar[str] = "workspace"
    purge_at: datetime


class WorkspaceRestored(Event):
    """A workspace is not to be deleted after all."""

    source: ClassVar[str] = "workspaces"
    topic: ClassVar[str] = "workspace"


class MemberJoined(Event):
    """A person accepted an invitation, or came by single sign-on, where `invited_by` is null.
    `aggregate_id` is the person, also where they come back.
    """

    source: ClassVar[str] = "workspaces"
    topic: ClassVar[str] = "members"
    role: Role
    role_id: UUID | None = None
    invited_by: UUID | None = None


class MemberChanged(Event):
    """A member has another role. `aggregate_id` is the person."""

    source: ClassVar[str] = "workspaces"
    topic: ClassVar[str] = "members"
    role: Role
    role_id: UUID | None = None


class MemberLeft(Event):
    """A member left, or was removed: they are in no team any more, and their sessions and keys here
    are over. What they own passes to `reassign_to`, if it names a member, and stays theirs if not.
    """

    source: ClassVar[str] = "workspaces"
    topic: ClassVar[str] = "members"
    reassign_to: UUID | None = None


class RoleCreated(Event):
    """A workspace made a role of its own."""

    source: ClassVar[str] = "workspaces"
    topic: ClassVar[str] = "roles"
    permission: ClassVar[str] = "members.read"
    name: str
    grants: tuple[str, ...]


class RoleChanged(Event):
    """A role has another name, or permits something else to all who have it."""

    source: ClassVar[str] = "workspaces"
    topic: ClassVar[str] = "roles"
    permission: ClassVar[str] = "members.read"
    name: str
    grants: tuple[str, ...]


class RoleDeleted(Event):
    """A role that nobody had was deleted."""

    source: ClassVar[str] = "workspaces"
    topic: ClassVar[str] = "roles"
    permission: ClassVar[str] = "members.read"
    name: str


class TeamCreated(Event):
    """A team was made; nobody is in it yet."""

    source: ClassVar[str] = "workspaces"
    topic: ClassVar[str] = "teams"
    permission: ClassVar[str] = "members.read"
    name: str


class TeamChanged(Event):
    """A team has another name."""

    source: ClassVar[str] = "workspaces"
    topic: ClassVar[str] = "teams"
    permission: ClassVar[str] = "members.read"
    name: str


class TeamDeleted(Event):
    """A team was deleted; nobody is in it any more."""

    source: ClassVar[str] = "workspaces"
    topic: ClassVar[str] = "teams"
    permission: ClassVar[str] = "members.read"
    name: str


class TeamMemberAdded(Event):
    """A member is in a team, which is `aggregate_id`."""

    source: ClassVar[str] = "workspaces"
    topic: ClassVar[str] = "teams"
    permission: ClassVar[str] = "members.read"
    user_id: UUID


class TeamMemberRemoved(Event):
    """A member is no longer in a team, which is `aggregate_id`."""

    source: ClassVar[str] = "workspaces"
    topic: ClassVar[str] = "teams"
    permission: ClassVar[str] = "members.read"
    user_id: UUID


class InvitationCreated(Event):
    """Somebody was invited; they get a mail. What it proves them by is told to nobody."""

    source: ClassVar[str] = "workspaces"
    topic: ClassVar[str] = "invitations"
    permission: ClassVar[str] = "members.settings"
    email: str
    role: Role
    role_id: UUID | None = None


class InvitationRenewed(Event):
    """An invitation that was open is good for seven more days, maybe to another role."""

    source: ClassVar[str] = "workspaces"
    topic: ClassVar[str] = "invitations"
    permission: ClassVar[str] = "members.settings"
    email: str
    role: Role
    role_id: UUID | None = None


class InvitationRevoked(Event):
    """An invitation is good no more."""

    source: ClassVar[str] = "workspaces"
    topic: ClassVar[str] = "invitations"
    permission: ClassVar[str] = "members.settings"
    email: str


class InvitationAccepted(Event):
    """Whoever was invited is a member now: `user_id`."""

    source: ClassVar[str] = "workspaces"
    topic: ClassVar[str] = "invitations"
    permission: ClassVar[str] = "members.settings"
    email: str
    user_id: UUID
