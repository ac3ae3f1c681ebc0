"""Reading mailboxes, the ledger, threads and mails."""

from functions.email.queries.emails import (
    count_emails,
    emails_by_ids,
    emails_of_senders,
    emails_of_threads,
    find_emails,
    get_email,
    get_raw_key,
    list_emails,
    whole_emails,
)
from functions.email.queries.erasures import erased_after, has_erasures
from functions.email.queries.ledger import (
    ledger_states,
    not_in_ledger,
    stored_but_not_in,
)
from functions.email.queries.mailboxes import (
    MAILBOXES,
    count_mailboxes,
    find_mailboxes,
    get_access,
    get_mailbox,
    list_mailboxes,
    mailboxes_by_ids,
    quota,
)
from functions.email.queries.threads import (
    THREADS,
    count_threads,
    find_threads,
    list_threads,
    threads_by_ids,
)

__all__ = [
    "MAILBOXES",
    "THREADS",
    "count_emails",
    "count_mailboxes",
    "count_threads",
    "emails_by_ids",
    "emails_of_senders",
    "emails_of_threads",
    "erased_after",
    "find_emails",
    "find_mailboxes",
    "find_threads",
    "get_access",
    "get_email",
    "get_mailbox",
    "get_raw_key",
    "has_erasures",
    "ledger_states",
    "list_emails",
    "list_mailboxes",
    "list_threads",
    "mailboxes_by_ids",
    "not_in_ledger",
    "quota",
    "stored_but_not_in",
    "threads_by_ids",
    "whole_emails",
]
