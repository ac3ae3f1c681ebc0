"""`haste bench feed`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from infra_cdk.local.commands.apibench.place import Place, opened
from infra_cdk.local.commands.failure import CannotDo
from infra_cdk.local.commands.feedbench.workspaces import (
    HUNDRED,
    feeds_with_holes,
    fill,
    found,
    last_position,
)
from infra_cdk.local.commands.feedbench.writing import CONNECTIONS, written
from infra_cdk.local.state import State, open_state
from infra_cdk.tests.demos import empty_home, haste
from shared.access import EVERYTHING
from shared.ids import made_at

FIRST_KEYS = ["environment", "one_workspace", "hundred_workspaces", "read"]
FIRST_KEYS_OF_WRITTEN = [
    "workspaces",
    "connections",
    "seconds",
    "events",
    "events_per_s",
    "p50_ms",
    "p95_ms",
    "p99_ms",
]
FIRST_KEYS_OF_READ = [
    "page",
    "events",
    "events_per_s",
    "p50_ms",
    "p95_ms",
    "p99_ms",
    "statements",
    "bytes",
    "poll_p50_ms",
    "poll_p95_ms",
]


@pytest.mark.stack
@pytest.mark.timeout(600)
def test_it_measures_what_it_says() -> None:
    with empty_home() as home:
        chosen = ("--events", "1000", "--seconds", "0.5")
        done = haste("bench", "feed", *chosen, "--json", home=home)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert list(figures)[: len(FIRST_KEYS)] == FIRST_KEYS
    assert figures["environment"]["cores"] >= 1
    for name, workspaces in (("one_workspace", 1), ("hundred_workspaces", HUNDRED)):
        one = figures[name]
        assert list(one)[: len(FIRST_KEYS_OF_WRITTEN)] == FIRST_KEYS_OF_WRITTEN
        assert (one["workspaces"], one["connections"]) == (workspaces, CONNECTIONS)
        assert one["events"] >= CONNECTIONS
        assert one["events_per_s"] == round(one["events"] / one["seconds"], 1)
        assert 0 < one["p50_ms"] <= one["p95_ms"] <= one["p99_ms"]
    read = figures["read"]
    assert list(read)[: len(FIRST_KEYS_OF_READ)] == FIRST_KEYS_OF_READ
    assert (read["page"], read["events"], read["statements"]) == (200, 1000, 2)
    assert 0 < read["p50_ms"] <= read["p95_ms"] <= read["p99_ms"]
    assert read["bytes"] > 200 * 100
    assert "Written into 100 workspaces" in done.stderr


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with empty_home() as home, opened(State(home, shared_tools=open_state().tools)) as made:
        yield made


@pytest.mark.stack
def test_what_is_read_is_a_feed_as_it_would_have_become(place: Place) -> None:
    large, *others = found(place.database_url(), 4)
    fill(place.database_url(), large, others, 90)
    assert feeds_with_holes(place.database_url()) == 0
    positions = [last_position(place.database_url(), one.id) for one in (large, *others)]
    assert positions == [90, 30, 30, 30]
    with psycopg.connect(place.database_url("crm_app")) as app:
        begin = "select app.begin_request(%s, %s, %s)"
        app.execute(begin, [large.id, large.user_id, str(EVERYTHING)])
        mine = app.execute("select id, type from event_log order by position").fetchall()
        app.execute(begin, [large.id, others[0].user_id, str(EVERYTHING)])
        shown = app.execute("select count(*) from event_log").fetchone()
    assert sorted(made_at(id) for id, _ in mine) == [made_at(id) for id, _ in mine]
    hidden = sum(type == "EmailAnalyzed" for _, type in mine)
    assert (len(mine), shown) == (90, (90 - hidden,))
    assert 0 < hidden < 45


@pytest.mark.stack
def test_a_hole_is_reported(place: Place) -> None:
    workspaces = found(place.database_url(), 2)
    with psycopg.connect(place.database_url(), autocommit=True) as migrator:
        migrator.execute("update feed set position = 3 where workspace_id = %s", [workspaces[0].id])
        with pytest.raises(CannotDo, match="positions are missing or double in 1 feed"):
            written(place, workspaces, seconds=0.1)
        migrator.execute("delete from event_log where workspace_id = %s", [workspaces[0].id])
        migrator.execute("update feed set position = 0 where workspace_id = %s", [workspaces[0].id])


@pytest.mark.stack
def test_a_writer_that_fails_is_reported(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    [nowhere] = found(place.database_url(), 1)
    urls = {"crm_app": place.database_url("crm_app") + "?port=1"}
    unreachable = replace(place, config=replace(place.config, database_urls=urls))
    with pytest.raises(CannotDo, match="A writer failed"):
        written(unreachable, [nowhere], seconds=0.1)
    assert "refused" in capfd.readouterr().err
