"""Reading automations and their runs."""

from __future__ import annotations

from uuid import UUID

from functions.automations.models import Automation, AutomationNotFound, Rule, StoredRun
from shared.cursors import Key
from shared.db import Tx


def get_automation(tx: Tx, automation_id: UUID) -> Automation:
    """The automation with this id.

    Raises:
        AutomationNotFound: this workspace has none.
    """
    automation = tx.one(
        Automation,
        """
        select id, name, enabled, event_type, conditions, actions, version, created_at, updated_at
        from automations
        where workspace_id = %(workspace_id)s and id = %(id)s and deleted_at is null
        """,
        id=automation_id,
    )
    if automation is None:
        raise AutomationNotFound
    return automation


def list_automations(tx: Tx, *, limit: int, after: Key | None = None) -> list[Automation]:
    """Automations newest first, from after `after`: up to `limit` of them."""
    at, last_id = after or (None, None)
    return tx.all(
        Automation,
        """
        select id, name, enabled, event_type, conditions, actions, version, created_at, updated_at
        from automations
        where workspace_id = %(workspace_id)s and deleted_at is null
            and (created_at, id) < (
                coalesce(%(at)s::timestamptz, 'infinity'),
                coalesce(%(last_id)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
            )
        order by created_at desc, id desc
        limit %(limit)s
        """,
        at=at,
        last_id=last_id,
        limit=limit,
    )


def list_runs(
    tx: Tx, automation_id: UUID, *, limit: int, after: Key | None = None
) -> list[StoredRun]:
    """Runs of an automation newest first, from after `after`: up to `limit` of them.

    Raises:
        AutomationNotFound: this workspace has no such automation.
    """
    get_automation(tx, automation_id)
    at, last_id = after or (None, None)
    return tx.all(
        StoredRun,
        """
        select id, automation_id, event_id, event_type, status, reason, actions, created_at
        from automation_runs
        where workspace_id = %(workspace_id)s and automation_id = %(automation_id)s
            and (created_at, id) < (
                coalesce(%(at)s::timestamptz, 'infinity'),
                coalesce(%(last_id)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
            )
        order by created_at desc, id desc
        limit %(limit)s
        """,
        automation_id=automation_id,
        at=at,
        last_id=last_id,
        limit=limit,
    )


def list_rules(tx: Tx, event_type: str, event_id: UUID) -> list[Rule]:
    """The enabled automations for an event that have not dealt with it, oldest first."""
    return tx.all(
        Rule,
        """
        select a.id, a.name, a.conditions, a.actions
        from automations a
        where a.workspace_id = %(workspace_id)s and a.event_type = %(event_type)s
            and a.enabled and a.deleted_at is null
            and not exists (
                select from automation_runs r
                where r.workspace_id = %(workspace_id)s and r.automation_id = a.id
                    and r.event_id = %(event_id)s
            )
        order by a.created_at, a.id
        """,
        event_type=event_type,
        event_id=event_id,
    )
