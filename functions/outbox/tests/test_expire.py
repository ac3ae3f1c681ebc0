"""What is old goes, of every workspace, in portions: inbox after a month, answers after a day."""

from collections.abc import Callable
from typing import Any

import pytest

from functions.outbox import commands, jobs
from shared.ids import uuid7
from shared.testing import Database, LambdaContext, Workspace

handler: Callable[..., Any] = jobs.handler


def _seen(database: Database, workspace: Workspace, days: int, count: int) -> None:
    for _ in range(count):
        database.admin(
            """
            insert into inbox (workspace_id, consumer, event_id, seen_at)
            values (%(w)s, 'test', %(e)s, now() - make_interval(days => %(days)s))
            """,
            w=workspace.id,
            e=uuid7(),
            days=days,
        )


def test_old_rows_go_and_young_rows_stay_in_every_workspace(
    database: Database,
    new_workspace: Callable[[], Workspace],
    as_role: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(commands, "_EXPIRE", 3)
    places = new_workspace(), new_workspace()
    for place in places:
        _seen(database, place, days=31, count=4)
        _seen(database, place, days=29, count=1)
    as_role("crm_outbox")
    handler({"detail": {"job": "expire-inbox"}}, LambdaContext())
    left = database.admin(
        "select workspace_id from inbox where workspace_id = any(%(ids)s)",
        ids=[place.id for place in places],
    )
    assert sorted(row["workspace_id"] for row in left) == sorted(place.id for place in places)


def _answered(database: Database, workspace: Workspace, age: str, count: int) -> None:
    for _ in range(count):
        database.admin(
            """
            insert into idempotency_keys (workspace_id, request, response, created_at)
            values (%(w)s, sha256(uuid_send(%(r)s)), '', now() - %(age)s::interval)
            """,
            w=workspace.id,
            r=uuid7(),
            age=age,
        )


def test_answers_older_than_a_day_go_and_younger_ones_stay(
    database: Database,
    new_workspace: Callable[[], Workspace],
    as_role: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(commands, "_EXPIRE", 3)
    places = new_workspace(), new_workspace()
    for place in places:
        _answered(database, place, age="24:00:01", count=4)
        _answered(database, place, age="23:59:00", count=1)
    as_role("crm_outbox")
    handler({"detail": {"job": "expire-inbox"}}, LambdaContext())
    left = database.admin(
        "select workspace_id from idempotency_keys where workspace_id = any(%(ids)s)",
        ids=[place.id for place in places],
    )
    assert sorted(row["workspace_id"] for row in left) == sorted(place.id for place in places)


def test_operations_of_a_month_ago_are_forgotten_with_what_they_changed(
    as_role: Callable[[str], None], workspace: Workspace, database: Database
) -> None:
    for age in ("31 days", "29 days"):
        database.admin(
            """
            with made as (
                insert into operations (workspace_id, id, kind, actor, created_at)
                values (%(w)s, gen_random_uuid(), 'batch', 'test', now() - %(age)s::interval)
                returning id
            )
            select id from made
            """,
            w=workspace.id,
            age=age,
        )
    database.admin(
        """
        insert into operation_changes (workspace_id, operation_id, object, record_id, version)
        select workspace_id, id, 'contacts', gen_random_uuid(), 1 from operations
        where workspace_id = %(w)s
        """,
        w=workspace.id,
    )
    as_role("crm_outbox")
    handler({"detail": {"job": "expire-inbox"}}, LambdaContext())
    left = "select count(*) as n from operation_changes where workspace_id = %(w)s"
    assert database.admin(left, w=workspace.id) == [{"n": 1}]
