"""What can be done with automations: the change, its event, the result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from events.automations import AutomationChanged, AutomationCreated, AutomationDeleted
from functions.automations import queries, store
from functions.automations.fields import catalogue_of
from functions.automations.models import (
    Action,
    Automation,
    AutomationChange,
    CreateTask,
    NewAutomation,
    UnknownPlaceholder,
)
from functions.automations.placeholders import placeholders
from shared import filters
from shared.db import Tx
from shared.errors import FieldError, PreconditionFailed, Unprocessable


def create_automation(tx: Tx, new: NewAutomation) -> Automation:
    """Create an automation.

    Raises:
        InvalidFilter: its conditions are no filter over the event's fields.
        UnknownPlaceholder: a text asks for a field that the event does not have.
        TooManyAutomations: the workspace has as many as it may have.
    """
    conditions = _checked(new.event_type, new.conditions, new.actions)
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
    """Change the fields that `change` names; a change to the same values is none.

    Raises:
        AutomationNotFound: there is no such automation.
        PreconditionFailed: it is no longer at `version`.
        InvalidFilter, UnknownPlaceholder: conditions or texts do not fit the event type.
    """
    given = _given(change)
    current = queries.get_automation(tx, automation_id)
    if version is not None and current.version != version:
        raise PreconditionFailed
    wanted = current.model_copy(update=given)
    conditions = _checked(wanted.event_type, wanted.conditions, wanted.actions)
    wanted = wanted.model_copy(update={"conditions": conditions})
    changed = tuple(
        field
        for field in AutomationChange.model_fields
        if getattr(current, field) != getattr(wanted, field)
    )
    if not changed:
        return current
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


def _given(change: AutomationChange) -> dict[str, Any]:
    given = {field: getattr(change, field) for field in change.model_fields_set}
    cleared = sorted(field for field, value in given.items() if value is None)
    if cleared:
        raise Unprocessable(
            errors=tuple(FieldError(f"/{field}", "cannot be cleared", "null") for field in cleared)
        )
    return given


def _checked(event_type: str, conditions: object, actions: Sequence[Action]) -> dict[str, Any]:
    """The conditions in their canonical form, once everything fits the event type."""
    catalogue = catalogue_of(event_type)
    tree = filters.parse(conditions, catalogue, at="/conditions")
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
