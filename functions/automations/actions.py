"""Doing what an automation wants done about an event, through the other capabilities' commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from events.activities import TaskChanged, TaskCreated
from events.ai import EmailAnalyzed
from events.contacts import ContactChanged, ContactCreated
from events.email import EmailReceived
from events.envelope import Event
from functions.activities.commands import create_task
from functions.activities.models import NOTES_LENGTH, TITLE_LENGTH, NewTask
from functions.automations import queries
from functions.automations.models import (
    Action,
    ActionRefused,
    ActionResult,
    CreateTask,
    Rule,
    SetField,
    TagContact,
)
from functions.automations.placeholders import fill
from functions.contacts.commands import change_contact
from functions.contacts.models import Contact, ContactChange, ContactNotFound
from functions.contacts.queries import find_by_email, get_contact
from shared.db import Tx
from shared.mail import normalize_email

NEEDED: Mapping[type[Action], str] = MappingProxyType(
    {CreateTask: "tasks.write", TagContact: "contacts.write", SetField: "contacts.write"}
)
"""The permission that each kind of action takes."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """The event that is acted on, its fields, and for which run of which automation."""

    event: Event
    record: Mapping[str, object]
    run_id: UUID
    rule: Rule


def perform(tx: Tx, action: Action, occasion: Occasion) -> ActionResult:
    """Do one action, within what the member may do whom the automation acts for: `tx.access`.

    Raises:
        NotPermitted: they may not.
        HasteError: the command refused it.
    """
    tx.access.require(NEEDED[type(action)])
    contact = _contact_of(tx, occasion.event)
    if contact is not None and not _is_seen(tx, contact, occasion.rule.user_id):
        contact = None
    match action:
        case CreateTask():
            return _create_task(tx, action, occasion, contact)
        case TagContact(tag=tag):
            tags = contact.tags if contact else ()
            change = {"tags": tags if tag in tags else (*tags, tag)}
            return _change_contact(tx, action.type, contact, change)
        case SetField(field=field, value=value):
            return _change_contact(tx, action.type, contact, {field: value})


def _create_task(
    tx: Tx, action: CreateTask, occasion: Occasion, contact: Contact | None
) -> ActionResult:
    record, days = occasion.record, action.due_in_days
    given: dict[str, Any] = {}
    if action.notes:
        given["notes"] = fill(action.notes, record, longest=NOTES_LENGTH)
    if "source" not in tx.access.hidden_of("tasks"):  # it is only told where it came from
        given["source"] = occasion.rule.name
    task = create_task(
        tx,
        NewTask(
            title=fill(action.title, record, longest=TITLE_LENGTH),
            due_at=None if days is None else occasion.event.at + timedelta(days=days),
            contact_id=contact.id if contact else None,
            email_id=_email_of(occasion.event),
            **given,
        ),
        automation_run_id=occasion.run_id,
    )
    return ActionResult(
        type=action.type, outcome="done", task_id=task.id, contact_id=task.contact_id
    )


def _change_contact(
    tx: Tx, kind: str, contact: Contact | None, values: Mapping[str, object]
) -> ActionResult:
    if contact is None:
        return ActionResult(type=kind, outcome="no_contact")
    try:
        change = ContactChange.model_validate(values)
    except ValidationError as error:
        raise ActionRefused from error
    changed = change_contact(tx, contact.id, change)
    outcome = "unchanged" if changed.version == contact.version else "done"
    return ActionResult(type=kind, outcome=outcome, contact_id=contact.id)


def _contact_of(tx: Tx, event: Event) -> Contact | None:
    """The contact an event is about: itself, its task's, or the one with its sender's address."""
    match event:
        case EmailReceived(sender=sender) | EmailAnalyzed(sender=sender):
            return find_by_email(tx, normalize_email(sender)) if sender else None
        case ContactCreated(aggregate_id=contact_id) | ContactChanged(aggregate_id=contact_id):
            return _if_there(tx, contact_id)
        case TaskCreated(contact_id=contact_id) | TaskChanged(contact_id=contact_id):
            return _if_there(tx, contact_id) if contact_id else None
        case _:
            return None


def _is_seen(tx: Tx, contact: Contact, user_id: UUID) -> bool:
    """Whether a member's reading reaches a contact."""
    reach = tx.access.reach.get("contacts.read")
    if reach is None or reach == "all" or contact.owner_id is None:
        return reach == "all"
    is_own = contact.owner_id == user_id
    return is_own or (reach == "team" and queries.is_teammate(tx, user_id, contact.owner_id))


def _if_there(tx: Tx, contact_id: UUID) -> Contact | None:
    try:
        return get_contact(tx, contact_id)
    except ContactNotFound:  # deleted since
        return None


def _email_of(event: Event) -> UUID | None:
    match event:
        case EmailReceived() | EmailAnalyzed():
            return event.aggregate_id
        case TaskCreated() | TaskChanged():
            return event.email_id
        case _:
            return None
