"""What mails can be filtered and sorted by. Not subjects: who sees them differs by mailbox."""

from typing import get_args

from events.email import Direction, Kind
from shared.filters import (
    BOOLEAN,
    ID,
    INSTANT,
    TEXT,
    TEXTS,
    Column,
    Object,
    Order,
    choice,
)

EMAILS = Object(
    "emails",
    {
        "mailbox_id": Column(ID, "e.mailbox_id"),
        "thread_id": Column(ID, "e.thread_id"),
        "direction": Column(choice(*get_args(Direction)), "e.direction"),
        "kind": Column(choice(*get_args(Kind)), "e.kind"),
        "sender_name": Column(TEXT, "e.sender_name"),
        "sender_email": Column(TEXT, "e.sender_email"),
        "received_at": Column(INSTANT, "e.received_at", order="e.received_at"),
        "labels": Column(TEXTS, "e.labels"),
        # Null where the mailbox is not shared that far, as in the list itself.
        "sentiment": Column(choice("positive", "neutral", "negative"), "a.sentiment"),
        "intent": Column(TEXT, "a.intent"),
        "reply_needed": Column(BOOLEAN, "a.reply_needed"),
    },
    newest=Order("received_at", descending=True),
    id="e.id",
)
