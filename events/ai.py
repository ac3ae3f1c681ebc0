"""Events of the AI capability."""

from typing import ClassVar, Literal
from uuid import UUID

from events.email import Direction, Kind
from events.envelope import Event


class EmailAnalyzed(Event):
    """A mail was analysed. `aggregate_id` is the mail.

    It repeats what `EmailReceived` said of the mail, so that automations decide without a look-up.
    `provider` and `model` say who analysed.
    """

    source: ClassVar[str] = "ai"
    permission: ClassVar[str] = "emails.read"
    personal: ClassVar[frozenset[str]] = frozenset({"sender"})
    mailbox_id: UUID
    direction: Direction
    kind: Kind
    sender: str | None
    backfill: bool
    sentiment: Literal["positive", "neutral", "negative"]
    sentiment_score: float
    intent: str
    reply_needed: bool
    entities: int
    provider: str
    model: str
