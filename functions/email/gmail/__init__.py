"""Gmail's API, as much of it as reading a mailbox needs: calls, what they answer, how they fail."""

from functions.email.gmail.calls import (
    Gmail,
    get_raw,
    history,
    list_messages,
    profile,
    stop,
    watch,
)
from functions.email.gmail.errors import (
    BadRequest,
    Forbidden,
    GmailError,
    HistoryExpired,
    MessageGone,
    Throttled,
    TooLarge,
    Unauthorized,
    Unavailable,
)
from functions.email.gmail.resources import Changes, RawMessage, fold

__all__ = [
    "BadRequest",
    "Changes",
    "Forbidden",
    "Gmail",
    "GmailError",
    "HistoryExpired",
    "MessageGone",
    "RawMessage",
    "Throttled",
    "TooLarge",
    "Unauthorized",
    "Unavailable",
    "fold",
    "get_raw",
    "history",
    "list_messages",
    "profile",
    "stop",
    "watch",
]
