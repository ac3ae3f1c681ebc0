"""Lists by filter and in every order they are offered in, which have to come from an index."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from functions.activities import queries as activities
from functions.activities.fields import TASKS
from functions.contacts import queries as contacts
from functions.contacts.fields import CONTACTS
from functions.email import queries as email
from functions.email.fields import EMAILS
from shared.db import Tx
from shared.filters import AllOf, Leaf, Listing, Order
from shared.ids import uuid7

_SOME = uuid7()
_MIDDLE = datetime.now(UTC) - timedelta(days=5)
_LISTINGS: dict[str, Listing] = {
    "contacts by name": Listing(CONTACTS, order=Order("name")),
    "contacts by name, deep": Listing(CONTACTS, order=Order("name"), after=("Person 3", _SOME)),
    "contacts by name, from the end": Listing(CONTACTS, order=Order("name", descending=True)),
    "contacts changed last": Listing(CONTACTS, order=Order("updated_at", descending=True)),
    "contacts changed last, deep": Listing(
        CONTACTS, order=Order("updated_at", descending=True), after=(_MIDDLE, _SOME)
    ),
    "contact of an email": Listing(CONTACTS, Leaf("email", "eq", "person40000@example.com")),
    "contacts of some emails": Listing(
        CONTACTS, Leaf("email", "in", tuple(f"person{n}@example.com" for n in range(100)))
    ),
    "contacts of a name": Listing(CONTACTS, Leaf("name", "eq", "Person 40000")),
    "contacts of an owner": Listing(CONTACTS, Leaf("owner_id", "eq", _SOME)),
    "contacts of an owner, by name": Listing(
        CONTACTS, Leaf("owner_id", "eq", _SOME), Order("name")
    ),
    "contacts since": Listing(CONTACTS, Leaf("created_at", "gte", _MIDDLE)),
    "tasks by date": Listing(TASKS, order=Order("due_at")),
    "tasks by date, from the end": Listing(TASKS, order=Order("due_at", descending=True)),
    "tasks by date, among those without": Listing(
        TASKS, order=Order("due_at"), after=(None, UUID(int=2**127))
    ),
    "tasks of an owner": Listing(TASKS, Leaf("owner_id", "eq", _SOME)),
    "open tasks of an owner, by date": Listing(
        TASKS,
        AllOf((Leaf("owner_id", "eq", _SOME), Leaf("status", "eq", "open"))),
        Order("due_at"),
    ),
    "mails of a sender": Listing(EMAILS, Leaf("sender_email", "eq", "person400@example.com")),
    "mails of a sender, deep": Listing(
        EMAILS, Leaf("sender_email", "eq", "person400@example.com"), after=(_MIDDLE, _SOME)
    ),
    "oldest mails": Listing(EMAILS, order=Order("received_at")),
    "tasks of some mails": Listing(TASKS, Leaf("email_id", "in", (_SOME, uuid7()))),
}

_FIND: dict[str, Any] = {
    "contacts": contacts.find_contacts,
    "emails": email.find_emails,
    "tasks": activities.find_tasks,
}


def _finding(listing: Listing) -> Callable[[Tx, object], object]:
    return lambda tx, _: _FIND[listing.of.name](tx, listing)


FILTERED = {name: _finding(listing) for name, listing in _LISTINGS.items()}
