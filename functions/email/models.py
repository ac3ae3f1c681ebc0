"""Mailboxes and mails: what callers send and read, and what goes between our own functions."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from events.email import Direction, Kind, Sharing
from shared.errors import Conflict, Forbidden, NotFound, Unavailable, Unprocessable
from shared.queues import Outgoing
from shared.values import EmailAddress

LedgerState = Literal["pending", "queued", "retrying", "stored", "skipped", "gone", "failed"]


class MailboxNotFound(NotFound):
    """There is no mailbox with this id."""


class EmailNotFound(NotFound):
    """There is no mail with this id, or its mailbox is not shared with you that far."""


class RawErased(NotFound):
    """This mail names somebody whose data was erased: it is kept without its bytes."""


class AddressTaken(Conflict):
    """This mailbox is connected to the workspace already."""


class AccessRefused(Unprocessable):
    """Google does not accept this access token."""


class AnotherMailbox(Unprocessable):
    """The access token belongs to another mailbox."""


class ProviderUnavailable(Unavailable):
    """Google does not answer now; try again in a minute."""


class NotConnected(Conflict):
    """The mailbox is disconnected; connect it again first."""


class NotYourMailbox(Forbidden):
    """This mailbox is another member's; only they may change it."""


def _visible_ascii(token: SecretStr) -> SecretStr:
    """What fits into a header (RFC 6750 §2.1).

    Raises:
        ValueError: it has other characters.
    """
    if any(not "!" <= character <= "~" for character in token.get_secret_value()):
        raise ValueError("an access token has visible ASCII characters only")
    return token


AccessToken = Annotated[
    SecretStr, Field(min_length=1, max_length=4096), AfterValidator(_visible_ascii)
]


class NewMailbox(BaseModel):
    """A Gmail mailbox to connect. `access_token` is an OAuth access token with `gmail.readonly`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: EmailAddress
    access_token: AccessToken
    sharing: Sharing = "metadata"


class MailboxChange(BaseModel):
    """Fields of a mailbox to change."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sharing: Sharing | None = None
    access_token: AccessToken | None = None
    units_per_minute: int | None = Field(
        default=None, ge=60, le=1_000_000, description="Gmail quota units we may use a minute."
    )


class Mailbox(BaseModel):
    """A connected mailbox. `sharing` is what members other than its owner see of its mails."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    user_id: UUID
    provider: str
    address: str
    sharing: Sharing
    state: Literal["active", "disconnected"]
    state_reason: str | None
    synced_at: datetime | None
    watch_expires_at: datetime | None
    throttled_until: datetime | None
    units_per_minute: int
    version: int
    created_at: datetime


class MailboxAccess(BaseModel):
    """What a background function must know of a mailbox to work on it."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    address: str
    state: Literal["active", "disconnected"]
    credentials: bytes = Field(repr=False)
    history_cursor: str | None
    throttled_until: datetime | None
    created_at: datetime


class Participant(BaseModel):
    """Somebody a mail names."""

    model_config = ConfigDict(frozen=True)

    role: Literal["from", "reply_to", "to", "cc", "bcc"]
    name: str
    email: str


class EmailEntity(BaseModel):
    """Something a mail names, with the words it was read from."""

    model_config = ConfigDict(frozen=True)

    kind: str
    value: str
    quote: str
    source: str
    confidence: float


class EmailSummary(BaseModel):
    """A mail in a list. Subject and snippet are null where the mailbox is not shared that far."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    mailbox_id: UUID
    thread_id: UUID
    direction: Direction
    kind: Kind
    sender_name: str | None
    sender_email: str | None
    received_at: datetime
    labels: tuple[str, ...]
    size: int
    has_attachments: bool
    subject: str | None
    snippet: str | None
    sentiment: str | None
    intent: str | None
    reply_needed: bool | None


class Email(EmailSummary):
    """A whole mail. Text, HTML and the rest of the body are null where it is not shared.

    `html` is sanitised; `reply` is what the sender newly wrote, without quotes and signature.
    `sent_at` is what the sender's Date says. `gone_at` is when the provider deleted it.
    """

    message_id: str | None
    sent_at: datetime | None
    participants: tuple[Participant, ...]
    attachments: tuple[dict[str, Any], ...]
    defects: tuple[str, ...]
    text: str | None
    html: str | None
    reply: str | None
    signature: str | None
    entities: tuple[EmailEntity, ...]
    backfill: bool
    gone_at: datetime | None
    version: int


class Thread(BaseModel):
    """A conversation, as the provider groups it."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    mailbox_id: UUID
    emails: int
    last_at: datetime


class Reconciliation(BaseModel):
    """The mailbox's books: every mail id the provider lists against the ledger.

    `unaccounted` are ids the provider lists and the ledger lacks (0 when all is well; mails that
    arrived in the last seconds may still be on their way), `unaccounted_ids` the first 100.
    """

    model_config = ConfigDict(frozen=True)

    mailbox_id: UUID
    listed: int
    ledger: int
    states: dict[str, int]
    reasons: dict[str, int]
    unaccounted: int
    unaccounted_ids: tuple[str, ...]
    open: int


class MailboxRef(NamedTuple):
    """A mailbox, as look-ups across workspaces give it."""

    workspace_id: UUID
    mailbox_id: UUID
    address: str


class Quota(NamedTuple):
    """Provider units a mailbox may spend now: in all, and of them on backfill."""

    live: float
    backfill: float


class Attempt(NamedTuple):
    """A failed attempt at a mail: which one, and why the one before it had failed."""

    number: int
    before: str | None


class LedgerCount(NamedTuple):
    """How many mails are in a state for a reason."""

    state: LedgerState
    reason: str | None
    emails: int


class ChangedEmail(NamedTuple):
    """What a change at the provider left of a stored mail."""

    id: UUID
    labels: list[str]
    version: int
    gone: bool


class SyncMailbox(BaseModel):
    """Message on `email-sync`: something changed in this mailbox. A hint only; the cursor rules.

    `retry_failed` also gives mails that were given up another chance.
    """

    model_config = ConfigDict(frozen=True)

    address: EmailAddress
    retry_failed: bool = False


class FetchEmail(BaseModel):
    """Message on `email-fetch`: get this mail."""

    model_config = ConfigDict(frozen=True)

    workspace_id: UUID
    mailbox_id: UUID
    provider_id: str
    listed: bool
    generation: int = 0


def sync_message(message: SyncMailbox, reason: str) -> Outgoing:
    """A message for `email-sync`: in order per mailbox, once per reason within five minutes."""
    mailbox = sha256(message.address.encode()).hexdigest()
    once = sha256(f"{mailbox}:{reason}".encode()).hexdigest()
    return Outgoing(
        message.model_dump_json(exclude_defaults=True), group=mailbox, deduplication=once
    )


def fetch_message(message: FetchEmail) -> Outgoing:
    """A message for `email-fetch`; the group keeps one workspace from starving the others."""
    return Outgoing(message.model_dump_json(), group=str(message.workspace_id))
