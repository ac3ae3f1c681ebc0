"""Writing automations and their runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from functions.automations.models import (
    MOST_AUTOMATIONS,
    Automation,
    NewAutomation,
    Run,
    TooManyAutomations,
)
from shared.db import Tx
from shared.ids import uuid7


def insert(tx: Tx, new: NewAutomation) -> Automation:
    """Store a new automation.

    Raises:
        TooManyAutomations: the workspace has as many as it may have.
    """
    automation = tx.one(
        Automation,
        """
        insert into automations (workspace_id, id, user_id, name, enabled, event_type, conditions,
            actions)
        select %(workspace_id)s, %(id)s, %(user_id)s, %(name)s, %(enabled)s, %(event_type)s,
            %(conditions)s, %(actions)s
        where %(most)s > (
            select count(*) from automations
            where workspace_id = %(workspace_id)s and deleted_at is null
        )
        returning id, user_id, name, enabled, event_type, conditions, actions, version, created_at,
            updated_at
        """,
        **_columns(new),
        id=uuid7(),
        user_id=tx.user_id,
        most=MOST_AUTOMATIONS,
    )
    if automation is None:
        raise TooManyAutomations
    return automation


def update(tx: Tx, automation: Automation) -> Automation | None:
    """Store new values if the automation is still at the version given; None if it is not."""
    return tx.one(
        Automation,
        """
        update automations set user_id = %(user_id)s, name = %(name)s, enabled = %(enabled)s,
            event_type = %(event_type)s, conditions = %(conditions)s, actions = %(actions)s,
            version = version + 1, updated_at = now()
        where workspace_id = %(workspace_id)s and id = %(id)s and version = %(version)s
            and deleted_at is null
        returning id, user_id, name, enabled, event_type, conditions, actions, version, created_at,
            updated_at
        """,
        **_columns(automation),
    )


def delete(tx: Tx, automation_id: UUID, version: int) -> int | None:
    """Mark an automation deleted if it is still at this version; its new version."""
    return tx.one(
        int,
        """
        update automations set deleted_at = now(), version = version + 1, updated_at = now()
        where workspace_id = %(workspace_id)s and id = %(id)s and version = %(version)s
            and deleted_at is null
        returning version
        """,
        id=automation_id,
        version=version,
    )


def insert_runs(tx: Tx, runs: Sequence[Run]) -> None:
    """Store what became of one event, in one statement."""
    tx.run(
        """
        insert into automation_runs (workspace_id, id, automation_id, event_id, event_type, status,
            reason, actions)
        select %(workspace_id)s, r.id, r.automation_id, r.event_id, r.event_type, r.status,
            r.reason, r.actions
        from unnest(%(ids)s::uuid[], %(automation_ids)s::uuid[], %(event_ids)s::uuid[],
            %(event_types)s::text[], %(statuses)s::text[], %(reasons)s::text[],
            %(actions)s::jsonb[])
            as r (id, automation_id, event_id, event_type, status, reason, actions)
        """,
        ids=[run.id for run in runs],
        automation_ids=[run.automation_id for run in runs],
        event_ids=[run.event_id for run in runs],
        event_types=[run.event_type for run in runs],
        statuses=[run.status for run in runs],
        reasons=[run.reason for run in runs],
        actions=[
            Jsonb([one.model_dump(mode="json", exclude_none=True) for one in run.actions])
            for run in runs
        ],
    )


def _columns(automation: NewAutomation | Automation) -> dict[str, Any]:
    values = automation.model_dump(mode="json")
    return {
        **values,
        "conditions": Jsonb(values["conditions"]),
        "actions": Jsonb(values["actions"]),
    }
