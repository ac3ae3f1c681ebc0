"""The inbox forgets what is older than a month, of every workspace, in portions."""

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
