"""Mails, threads and mailboxes in GraphQL."""

from functions.email import queries
from functions.email.fields import EMAILS
from functions.email.models import Email, EmailSummary, Mailbox, Thread
from shared.graph import Graph, Kind, Listed, ToMany, ToOne

_WHOLE = (
    "message_id",
    "sent_at",
    "participants",
    "attachments",
    "defects",
    "text",
    "html",
    "reply",
    "signature",
    "entities",
    "backfill",
    "gone_at",
    "version",
)

GRAPH = Graph(
    kinds=(
        Kind("Mailbox", Mailbox, needs="mailboxes.read", find=queries.mailboxes_by_ids),
        Kind(
            "Thread",
            Thread,
            needs="emails.read",
            find=queries.threads_by_ids,
            names={"emails": "emailCount"},
        ),
        Kind("Email", EmailSummary, needs="emails.read", find=queries.emails_by_ids),
        Kind("EmailContent", Email, needs="emails.read", only=_WHOLE, weight=20),
    ),
    lists=(
        Listed(
            "mailboxes",
            "Mailbox",
            of=queries.MAILBOXES,
            find=queries.find_mailboxes,
            count=queries.count_mailboxes,
            about="The mailboxes that are connected.",
        ),
        Listed(
            "threads",
            "Thread",
            of=queries.THREADS,
            find=queries.find_threads,
            count=queries.count_threads,
            about="Conversations, the one with the newest mail first.",
        ),
        Listed(
            "emails",
            "Email",
            of=EMAILS,
            find=queries.find_emails,
            count=queries.count_emails,
            about="The mails of all mailboxes.",
        ),
    ),
    links=(
        ToOne("Thread", "mailbox", "Mailbox", by="mailbox_id", about="The mailbox that it is in."),
        ToMany(
            "Thread",
            "emails",
            "Email",
            by="id",
            key="thread_id",
            of=EMAILS,
            find=queries.emails_of_threads,
            about="The mails of the conversation.",
        ),
        ToMany(
            "Contact",
            "emails",
            "Email",
            by="email",
            key="sender_email",
            of=EMAILS,
            find=queries.emails_of_senders,
            about="The mails from the contact's address.",
        ),
        ToOne("Email", "mailbox", "Mailbox", by="mailbox_id", about="The mailbox that it is in."),
        ToOne("Email", "thread", "Thread", by="thread_id", about="The conversation it belongs to."),
        ToOne(
            "Email",
            "content",
            "EmailContent",
            by="id",
            find=queries.whole_emails,
            about="What is in it, as far as its mailbox is shared.",
        ),
        ToOne("Task", "email", "Email", by="email_id", about="The mail that it came from."),
    ),
)
