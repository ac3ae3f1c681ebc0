"""The workspaces whose feeds are measured, made by the database itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

import psycopg

from infra_cdk.local.commands.apibench.people import Workspace
from shared.ids import uuid7

HUNDRED = 100

_FOUND: LiteralString = """
    with person as (
        insert into users (id, email, name, password_hash)
        values (%(user)s, %(user)s::text || '@bench.example', 'Owner', 'none')
    ), place as (
        insert into workspaces (id, name) values (%(workspace)s, 'Bench')
    ), feed as (
        insert into feed (workspace_id) values (%(workspace)s)
    )
    insert into memberships (workspace_id, user_id, role)
    values (%(workspace)s, %(user)s, 'owner')
"""
_OPEN_MAILBOX: LiteralString = """
    insert into mailboxes (workspace_id, id, user_id, provider, address, credentials)
    values (%(workspace)s, %(mailbox)s, %(user)s, 'gmail', 'owner@bench.example', '')
"""

# A month of events, every second one of the large workspace, so that they lie among others' in the
# table as they would. Every fourth tells of a mail, and is shown to who may read the mail.
_HAPPEN: LiteralString = """
    insert into event_log (workspace_id, id, position, type, payload)
    select workspace_id, id, position, type, jsonb_build_object('id', id,
        'workspace_id', workspace_id, 'at', at, 'actor', 'system:bench', 'position', null,
        'aggregate_id', gen_random_uuid(), 'aggregate_version', 1) || told
    from generate_series(0, 2 * %(count)s - 1) as n,
        lateral (
            select
                case when n %% 2 = 0 then %(large)s
                    else (%(others)s::uuid[])[1 + n / 2 %% cardinality(%(others)s::uuid[])]
                    end as workspace_id,
                case when n %% 2 = 0 then 1 + n / 2
                    else 1 + n / 2 / cardinality(%(others)s::uuid[]) end as position,
                now() - (2 * %(count)s - n) * (interval '28 days' / (2 * %(count)s)) as at,
                md5(n::text || random()::text) as dice
        ) as placed,
        lateral (
            select (left(app.uuid7_floor(at)::text, 14) || '7' || substr(dice, 1, 3) || '-8'
                || substr(dice, 4, 3) || '-' || substr(dice, 7, 12))::uuid as id
        ) as named,
        lateral (
            select 'EmailAnalyzed' as type, jsonb_build_object('mailbox_id', %(mailbox)s,
                'direction', 'inbound', 'kind', 'human', 'sender', 'ada' || n || '@bench.example',
                'backfill', false, 'sentiment', 'neutral', 'sentiment_score', 0.1,
                'intent', 'other', 'reply_needed', true, 'entities', 3, 'provider', 'local',
                'model', 'rules-1') as told
            where n %% 8 = 0
            union all
            select 'ContactChanged', jsonb_build_object('email', 'ada' || n || '@bench.example',
                'name', 'Ada Lovelace', 'changed', array['job_title', 'tags'])
            where n %% 8 > 0
        ) as content
    order by n
"""
_COUNT: LiteralString = """
    update feed f set position = found.events
    from (select workspace_id, count(*) as events from event_log group by workspace_id) as found
    where f.workspace_id = found.workspace_id
"""
_WITH_HOLES: LiteralString = """
    select count(*) from feed f left join lateral (
        select count(*) as events, count(distinct position) as places, max(position) as last
        from event_log e where e.workspace_id = f.workspace_id
    ) e on true
    where not (f.position = e.events and e.events = e.places and coalesce(e.last, 0) = f.position)
"""


def found(database_url: str, count: int) -> list[Workspace]:
    """New workspaces; `database_url` is crm_migrator's, here and below."""
    made = [Workspace(uuid7(), uuid7(), uuid7(), contacts=0) for _ in range(count)]
    with psycopg.connect(database_url) as migrator:
        for one in made:
            migrator.execute(_FOUND, {"workspace": one.id, "user": one.user_id})
    return made


def fill(database_url: str, large: Workspace, others: Sequence[Workspace], events: int) -> None:
    """Have as many events happen in one new workspace as in all of the others together."""
    mailbox = uuid7()
    given = {"workspace": large.id, "mailbox": mailbox, "user": large.user_id}
    happening = {
        "count": events,
        "large": large.id,
        "others": [one.id for one in others],
        "mailbox": mailbox,
    }
    with psycopg.connect(database_url, autocommit=True) as migrator:
        migrator.execute(_OPEN_MAILBOX, given)
        migrator.execute(_HAPPEN, happening)
        migrator.execute(_COUNT)
        migrator.execute("vacuum (analyze) event_log")
        migrator.execute("analyze")


def last_position(database_url: str, workspace_id: UUID) -> int:
    """How many events a workspace has had."""
    query: LiteralString = "select position from feed where workspace_id = %s"
    with psycopg.connect(database_url) as migrator:
        (position,) = migrator.execute(query, [workspace_id]).fetchone() or (0,)
    return position


def feeds_with_holes(database_url: str) -> int:
    """Feeds in which a position is missing, or taken twice; there must be none."""
    with psycopg.connect(database_url) as migrator:
        (feeds,) = migrator.execute(_WITH_HOLES).fetchone() or (0,)
    return feeds
