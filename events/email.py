"""Events of mailboxes and mails."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from events.envelope import Event

Direction = Literal["inbound", "outbound"]
Sharing = Literal["metadata", "subject", "everything"]
Kind = Literal["human", "list", "auto_reply", "auto_generated", "bounce", "calendar"]


class MailboxConnected(Event):
    """A person connected a mailbox. `aggregate_id` is the mailbox."""

    source: ClassVar[str] = "email"
    topic: ClassVar[str] = "mailboxes"
    address: str
    provider: Literal["gmail"]
    sharing: Sharing | None = None


class MailboxChanged(Event):
    """A mailbox has other settings: how far its mails are shared with other members, or how much of
    Gmail's quota we may use a minute.
    """

    source: ClassVar[str] = "email"
    topic: ClassVar[str] = "mailboxes"
    sharing: Sharing
    units_per_minute: int


class MailboxDisconnected(Event):
    """The provider no longer accepts our access; a person has to connect the mailbox again."""

    source: ClassVar[str] = "email"
    topic: ClassVar[str] = "mailboxes"
    address: str
    reason: str


class EmailReceived(Event):
    """A mail was stored and can be seen. `aggregate_id` is the mail.

    `backfill` mails were in the mailbox before it was connected, or came back in a resync:
    automations do not act on them.
    """

    source: ClassVar[str] = "email"
    topic: ClassVar[str] = "emails"
    personal: ClassVar[frozenset[str]] = frozenset({"sender"})
    mailbox_id: UUID
    thread_id: UUID
    direction: Direction
    kind: Kind
    sender: str | None
    received_at: datetime
    backfill: bool


class EmailChanged(Event):
    """Labels of a stored mail changed at the provider, or it was deleted there (`gone`)."""

    source: ClassVar[str] = "email"
    topic: ClassVar[str] = "emails"
    mailbox_id: UUID
    labels: tuple[str, ...]
    gone: bool
