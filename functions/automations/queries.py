"""Reading automations and their runs."""

from __future__ import annotations

from uuid import UUID

from events.envelope import Event
from functions.automations.models import Automation, AutomationNotFound, Rule, StoredRun
from shared.cursors import Key
from shared.db import Tx
from shared.telling import mailbox_of


def get_automation(tx: Tx, automation_id: UUID) -> Automation:
    """The automation with this id.

    Raises:
        AutomationNotFound: this workspace has none.
    """
    automation = tx.one(
        Automation,
        """
        select id, user_id, name, enabled, event_type, conditions, actions, version, created_at,
            updated_at
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
        select id, user_id, name, enabled, event_type, conditions, actions, version, created_at,
            updated_at
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


def list_rules(tx: Tx, event: Event) -> list[Rule]:
    """The enabled automations for an event that have not dealt with it, oldest first: of a mail
    not everybody may read, those that act for a member who may; of what was erased since, none.
    """
    return tx.all(
        Rule,
        """
        select a.id, a.user_id, a.name, a.conditions, a.actions, m.role, r.grants
        from automations a
        left join memberships m on m.workspace_id = a.workspace_id and m.user_id = a.user_id
            and m.ended_at is null
        left join roles r on r.workspace_id = m.workspace_id and r.id = m.role_id
        where a.workspace_id = %(workspace_id)s and a.event_type = %(event_type)s
            and a.enabled and a.deleted_at is null
            and (%(mailbox_id)s::uuid is null or exists (
                select from mailboxes b
                where b.workspace_id = %(workspace_id)s and b.id = %(mailbox_id)s
                    and (b.sharing = 'everything' or b.user_id = a.user_id)
            ))
            and not exists (
                select from privacy_erased p
                where p.workspace_id = %(workspace_id)s and p.record_id = %(aggregate_id)s
                    and p.object <> 'emails_redacted'
            )
            and not exists (
                select from automation_runs r
                where r.workspace_id = %(workspace_id)s and r.automation_id = a.id
                    and r.event_id = %(event_id)s
            )
        order by a.created_at, a.id
        """,
        event_type=event.type_name(),
        event_id=event.id,
        aggregate_id=event.aggregate_id,
        mailbox_id=mailbox_of(event),
    )


def is_teammate(tx: Tx, user_id: UUID, other_id: UUID) -> bool:
    """Whether two members are in a team together."""
    found = tx.one(
        bool,
        """
        select true from team_members a
        join team_members b on b.workspace_id = a.workspace_id and b.team_id = a.team_id
        where a.workspace_id = %(workspace_id)s and a.user_id = %(user_id)s
            and b.user_id = %(other_id)s
        limit 1
        """,
        user_id=user_id,
        other_id=other_id,
    )
    return found is not None
