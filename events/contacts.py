"""Events of contacts."""

from typing import ClassVar

from events.envelope import Event


class ContactCreated(Event):
    """A contact was created. `aggregate_id` is the contact."""

    source: ClassVar[str] = "contacts"
    personal: ClassVar[frozenset[str]] = frozenset({"email", "name"})
    email: str | None
    name: str


class ContactChanged(Event):
    """Fields of a contact changed; `changed` names them."""

    source: ClassVar[str] = "contacts"
    personal: ClassVar[frozenset[str]] = frozenset({"email", "name"})
    email: str | None
    name: str
    changed: tuple[str, ...]


class ContactDeleted(Event):
    """A contact was deleted."""

    source: ClassVar[str] = "contacts"
    personal: ClassVar[frozenset[str]] = frozenset({"email"})
    email: str | None


class ContactRestored(Event):
    """A deleted contact is there again, as it was: its deletion was undone."""

    source: ClassVar[str] = "contacts"
    personal: ClassVar[frozenset[str]] = frozenset({"email", "name"})
    email: str | None
    name: str
