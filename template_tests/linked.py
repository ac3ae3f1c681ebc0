"""What belongs to a hundred things at once, as GraphQL reads it, for looking at query plans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from functions.activities import queries as activities
from functions.activities.fields import TASKS
from functions.contacts import queries as contacts
from functions.contacts.models import Contact
from functions.email import queries as email
from functions.email.fields import EMAILS
from functions.email.models import EmailSummary
from functions.workspaces.queries import members
from shared.db import Tx
from shared.filters import Listing, Order
from shared.ids import uuid7
from template_tests.crowd import Crowd

Query = Callable[[Tx, Crowd], object]

_MANY = 100
_TASKS = Listing(TASKS, limit=5)
_EMAILS = Listing(EMAILS, limit=5)
_LATER = (datetime.now(UTC) - timedelta(days=1), uuid7())
_ADDRESSES = [f"person{n}@example.com" for n in range(_MANY)]


def _contacts(tx: Tx) -> list[Contact]:
    return contacts.list_contacts(tx, limit=_MANY)


def _mails(tx: Tx) -> list[EmailSummary]:
    return email.list_emails(tx, limit=_MANY)


LINKED: dict[str, Query] = {
    "contacts by ids": lambda tx, _: contacts.contacts_by_ids(tx, [c.id for c in _contacts(tx)]),
    "contacts by emails": lambda tx, _: contacts.contacts_by_emails(tx, _ADDRESSES),
    "tasks by ids": lambda tx, _: activities.tasks_by_ids(
        tx, [task.id for task in activities.list_tasks(tx, limit=_MANY)]
    ),
    "tasks of contacts": lambda tx, _: activities.tasks_of_contacts(
        tx, [one.id for one in _contacts(tx)], _TASKS
    ),
    "tasks of contacts, by date": lambda tx, _: activities.tasks_of_contacts(
        tx, [one.id for one in _contacts(tx)], replace(_TASKS, order=Order("due_at"))
    ),
    "tasks of mails, deep": lambda tx, _: activities.tasks_of_emails(
        tx, [one.id for one in _mails(tx)], replace(_TASKS, after=_LATER)
    ),
    "mails by ids": lambda tx, _: email.emails_by_ids(tx, [one.id for one in _mails(tx)]),
    "whole mails": lambda tx, _: email.whole_emails(tx, [one.id for one in _mails(tx)]),
    "mails of threads": lambda tx, _: email.emails_of_threads(
        tx, [one.id for one in email.list_threads(tx, limit=_MANY)], _EMAILS
    ),
    "mails of senders": lambda tx, _: email.emails_of_senders(tx, _ADDRESSES, _EMAILS),
    "mails of senders, deep": lambda tx, _: email.emails_of_senders(
        tx, _ADDRESSES, replace(_EMAILS, after=_LATER)
    ),
    "threads by ids": lambda tx, _: email.threads_by_ids(
        tx, [one.id for one in email.list_threads(tx, limit=_MANY)]
    ),
    "members by ids": lambda tx, crowd: members.members_by_ids(tx, [crowd.user]),
    "members": lambda tx, _: members.find_members(tx, Listing(members.MEMBERS)),
    "mailboxes by ids": lambda tx, _: email.mailboxes_by_ids(
        tx, [one.id for one in email.list_mailboxes(tx, limit=_MANY)]
    ),
}
