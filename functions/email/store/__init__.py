"""Writing mailboxes, the ledger and mails."""

from functions.email.store.emails import insert_email, mark_gone, relabel, unmark_gone
from functions.email.store.ledger import (
    count_attempt,
    reopen,
    reopen_failed,
    settle,
    stage,
    take_due,
    wait_until,
)
from functions.email.store.mailboxes import (
    advance_cursor,
    close_mailbox,
    disconnect,
    disconnect_all_of,
    insert_mailbox,
    restart_cursor,
    set_throttled,
    set_watch,
    spend_units,
    update_mailbox,
)

__all__ = [
    "advance_cursor",
    "close_mailbox",
    "count_attempt",
    "disconnect",
    "disconnect_all_of",
    "insert_email",
    "insert_mailbox",
    "mark_gone",
    "relabel",
    "reopen",
    "reopen_failed",
    "restart_cursor",
    "set_throttled",
    "set_watch",
    "settle",
    "spend_units",
    "stage",
    "take_due",
    "unmark_gone",
    "update_mailbox",
    "wait_until",
]
