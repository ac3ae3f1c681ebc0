"""Running a workspace's automations about one event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import TypeAdapter, ValidationError

from events.automations import AutomationRan
from events.envelope import Event
from functions.automations import queries, store
from functions.automations.actions import Occasion, perform
from functions.automations.fields import catalogue_of, hidden_of, record_of
from functions.automations.models import Action, ActionResult, Rule, Run
from shared.db import Tx
from shared.errors import HasteError, PreconditionFailed, TooManyRequests, Unavailable
from shared.filters import InvalidFilter, matches, parse
from shared.ids import uuid7

_ACTIONS: TypeAdapter[tuple[Action, ...]] = TypeAdapter(tuple[Action, ...])
_PASSING = (PreconditionFailed, TooManyRequests, Unavailable)
"""Refusals that another delivery will not meet: somebody changed the record at that moment."""


def run_automations(tx: Tx, event: Event) -> None:
    """Run every enabled automation for the event that passes its conditions, each on its own.

    What a run did is undone where one of its actions is refused, and the others are not touched.
    Each sees of the event what the member may whom it acts for, and changes what they may.
    Nothing runs on back-filled mails. An event that an automation caused runs nothing either, or
    two automations could keep each other busy for ever; such runs are written down as skipped.

    Raises:
        PreconditionFailed, TooManyRequests, Unavailable, psycopg.Error: all of it must be done
            again, and the transaction has to roll back.
    """
    if getattr(event, "backfill", False):
        return
    runs: list[Run] = []
    for rule in queries.list_rules(tx, event):
        access = rule.access
        if rule.role is not None and access.reach.get(event.permission) != "all":
            continue  # no skipped run either: that it would have run tells of the event
        with tx.acting_as(f"automation:{rule.id}", access):
            run = _run(tx, rule, event, record_of(event, hidden_of(access, event.type_name())))
            if run is not None:
                runs.append(run)
            if run is not None and run.status != "skipped":
                _emit(tx, run)
    if runs:
        store.insert_runs(tx, runs)


def _run(tx: Tx, rule: Rule, event: Event, record: Mapping[str, object]) -> Run | None:
    """What came of one automation; None where its conditions do not hold."""
    run = Run(
        id=uuid7(),
        automation_id=rule.id,
        event_id=event.id,
        event_type=event.type_name(),
        status="done",
    )
    try:
        conditions = parse(rule.conditions, catalogue_of(run.event_type))
    except InvalidFilter as error:  # no longer: an event type has lost a field
        return _failed(run, error.code)
    if not matches(conditions, record):
        return None
    if rule.role is None:
        return run.model_copy(update={"status": "skipped", "reason": "no_longer_member"})
    if event.actor.startswith("automation:"):
        return run.model_copy(update={"status": "skipped", "reason": "caused_by_automation"})
    try:
        actions = _ACTIONS.validate_python(rule.actions)
    except ValidationError:
        return _failed(run, "invalid_actions")
    return _perform_all(tx, actions, Occasion(event, record, run.id, rule), run)


def _perform_all(tx: Tx, actions: Sequence[Action], occasion: Occasion, run: Run) -> Run:
    """The run with the results of its actions: of all of them, or up to the one that failed."""
    results: list[ActionResult] = []
    try:
        with tx.savepoint():
            for action in actions:
                results.append(perform(tx, action, occasion))
    except _PASSING:
        raise
    except HasteError as error:
        undone = [ActionResult(type=one.type, outcome="undone") for one in results]
        refused = actions[len(results)].type
        failed = ActionResult(type=refused, outcome="failed", code=error.code)
        return _failed(run, error.code, (*undone, failed))
    return run.model_copy(update={"actions": tuple(results)})


def _failed(run: Run, reason: str, results: tuple[ActionResult, ...] = ()) -> Run:
    return run.model_copy(update={"status": "failed", "reason": reason, "actions": results})


def _emit(tx: Tx, run: Run) -> None:
    tx.emit(
        AutomationRan(
            **tx.envelope(run.id),
            automation_id=run.automation_id,
            event_id=run.event_id,
            event_type=run.event_type,
            outcome=run.status,
        )
    )
