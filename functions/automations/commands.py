"""What can be done with automations: the change, its event, the result."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from events.automations import AutomationChanged, AutomationCreated, AutomationDeleted
from functions.automations import queries, store
from functions.automations.actions import NEEDED
from functions.automations.fields import catalogue_of, hidden_of, permission_to_read
from functions.automations.models import (
    Automation,
    AutomationChange,
    CreateTask,
    NewAutomation,
    SetField,
    UnknownPlaceholder,
)
from functions.automations.placeholders import placeholders
from shared import filters
from shared.access import Access, NotPermitted
from shared.db import Tx
from shared.errors import FieldError, PreconditionFailed, Unprocessable

_DOING = frozenset({"event_type", "conditions", "actions"})
"""The fields that say what an automation does."""


def create_automation(tx: Tx, new: NewAutomation) -> Automation:
    """Create an automation, which acts for the caller.

    Raises:
        NotPermitted: the caller may not read such events, or not do what it does.
        InvalidFilter: its conditions are no filter over the event's fields.
        UnknownPlaceholder: a text asks for a field that the event does not have.
        TooManyAutomations: the workspace has as many as it may have.
    """
    conditions = _checked(tx, new)
    automation = store.insert(tx, new.model_copy(update={"conditions": conditions}))
    tx.emit(
        AutomationCreated(
            **tx.envelope(automation.id, automation.version),
            name=automation.name,
            enabled=automation.enabled,
            event_type=automation.event_type,
        )
    )
    return automation


def change_automation(
    tx: Tx, automation_id: UUID, change: AutomationChange, *, version: int | None = None
) -> Automation:
    """Change the fields that `change` names; a change to the same values is none. Whoever changes
    what it does is who it acts for from now on.

    Raises:
        NotPermitted: the caller may not read such events, or not do what it does.
        AutomationNotFound: there is no such automation.
        PreconditionFailed: it is no longer at `version`.
        InvalidFilter, UnknownPlaceholder: conditions or texts do not fit the event type.
    """
    given = _given(change)
    current = queries.get_automation(tx, automation_id)
    if version is not None and current.version != version:
        raise PreconditionFailed
    wanted = current.model_copy(update=given)
    if given.keys() & _DOING:
        wanted = wanted.model_copy(update={"conditions": _checked(tx, wanted)})
    changed = tuple(
        field
        for field in AutomationChange.model_fields
        if getattr(current, field) != getattr(wanted, field)
    )
    if not changed:
        return current
    if _DOING.intersection(changed):
        wanted = wanted.model_copy(update={"user_id": tx.user_id})
    stored = store.update(tx, wanted)
    if stored is None:
        raise PreconditionFailed
    tx.emit(
        AutomationChanged(
            **tx.envelope(stored.id, stored.version),
            name=stored.name,
            enabled=stored.enabled,
            event_type=stored.event_type,
            changed=changed,
        )
    )
    return stored


def delete_automation(tx: Tx, automation_id: UUID, *, version: int | None = None) -> None:
    """Delete an automation.

    Raises:
        AutomationNotFound: there is no such automation.
        PreconditionFailed: it is no longer at `version`.
    """
    current = queries.get_automation(tx, automation_id)
    deleted = store.delete(tx, automation_id, current.version if version is None else version)
    if deleted is None:
        raise PreconditionFailed
    tx.emit(
        AutomationDeleted(
            **tx.envelope(automation_id, deleted),
            name=current.name,
        )
    )


def _refuse_more_than_theirs(access: Access, wanted: NewAutomation | Automation) -> None:
    """An automation reads and does what its member may; so nobody makes one that never could."""
    errors: list[FieldError] = []
    permission = permission_to_read(wanted.event_type)
    if access.reach.get(permission) != "all":
        detail = f"this needs the permission {permission}, of everybody's"
        errors.append(FieldError("/event_type", detail, "permission"))
    for n, action in enumerate(wanted.actions):
        if not access.may(NEEDED[type(action)]):
            detail = f"this needs the permission {NEEDED[type(action)]}"
            errors.append(FieldError(f"/actions/{n}", detail, "permission"))
        hidden, field = "this field is hidden from you", None
        if isinstance(action, SetField) and action.field in access.hidden_of("contacts"):
            field = "field"
        if isinstance(action, CreateTask) and action.notes and "notes" in access.hidden_of("tasks"):
            field = "notes"
        if field is not None:
            errors.append(FieldError(f"/actions/{n}/{field}", hidden, "permission"))
    if errors:
        raise NotPermitted(errors=tuple(errors))


def _given(change: AutomationChange) -> dict[str, Any]:
    given = {field: getattr(change, field) for field in change.model_fields_set}
    cleared = sorted(field for field, value in given.items() if value is None)
    if cleared:
        raise Unprocessable(
            errors=tuple(FieldError(f"/{field}", "cannot be cleared", "null") for field in cleared)
        )
    return given


def _checked(tx: Tx, wanted: NewAutomation | Automation) -> dict[str, Any]:
    """The conditions in their canonical form, once everything fits the event type, and what the
    caller may do: fields that are hidden from them are none that there are.
    """
    _refuse_more_than_theirs(tx.access, wanted)
    event_type, actions = wanted.event_type, wanted.actions
    catalogue = catalogue_of(event_type, hidden_of(tx.access, event_type))
    tree = filters.parse(wanted.conditions, catalogue, at="/conditions")
    known = ", ".join(sorted(catalogue))
    errors = tuple(
        FieldError(f"/actions/{n}/{field}", f"{event_type} has: {known}", "unknown_placeholder")
        for n, action in enumerate(actions)
        if isinstance(action, CreateTask)
        for field, text in (("title", action.title), ("notes", action.notes or ""))
        if not catalogue.keys() >= set(placeholders(text))
    )
    if errors:
        raise UnknownPlaceholder(errors=errors)
    return filters.to_json(tree)
