"""Schedule expressions, and the events they fire."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from infra_cdk.local import scheduler
from infra_cdk.local.scheduler import declared_schedules, keep_schedules, scheduled_event, tick
from infra_cdk.local.schedules import parse_schedule
from infra_cdk.local.slot import Result
from infra_cdk.tests.probe import declare
from shared.wiring import Function, Schedule

FUNCTION = Function(
    "jobs",
    "jobs.handler",
    schedules=(Schedule("sweep", "rate(1 minute)"), Schedule("roll", "cron(0 3 * * ? *)")),
)


def following(expression: str, moment: str, count: int = 1) -> list[str]:
    schedule = parse_schedule(expression)
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    found: list[str] = []
    for _ in range(count):
        due = schedule.after(at)
        assert due is not None
        at = due
        found.append(at.isoformat()[:16])
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("rate(1 minute)", ["2026-11-22T18:43", "2026-11-22T18:44"]),
        ("rate(5 minutes)", ["2026-11-22T18:45", "2026-11-22T18:50"]),
        ("rate(6 hours)", ["2026-11-23T00:00", "2026-11-23T06:00"]),
        ("rate(1 day)", ["2026-11-23T00:00", "2026-11-24T00:00"]),
        ("cron(0 3 * * ? *)", ["2026-11-23T03:00", "2026-11-24T03:00"]),
        ("cron(0/20 * * * ? *)", ["2026-11-22T19:00", "2026-11-22T19:20"]),
        ("cron(43,45 18 * * ? *)", ["2026-11-22T18:43", "2026-11-22T18:45"]),
        ("cron(15 10 ? * MON-FRI *)", ["2026-11-23T10:15", "2026-11-24T10:15"]),
        ("cron(0 0 ? * 1 *)", ["2026-11-29T00:00", "2026-12-06T00:00"]),
        ("cron(0 8 1 jan-mar/2 ? *)", ["2027-01-01T08:00", "2027-03-01T08:00"]),
        ("cron(0 0 31 * ? *)", ["2026-12-31T00:00", "2027-01-31T00:00"]),
        ("cron(0 0 29 2 ? *)", ["2028-02-29T00:00", "2032-02-29T00:00"]),
    ],
)
def test_a_schedule_is_next_due(expression: str, expected: list[str]) -> None:
    assert following(expression, "2026-11-22T18:42:30", 2) == expected


def test_a_schedule_due_exactly_now_is_next_due_later() -> None:
    assert following("rate(1 minute)", "2026-11-22T18:42:00") == ["2026-11-22T18:43"]
    assert following("cron(42 18 * * ? *)", "2026-11-22T18:42:00") == ["2026-11-23T18:42"]


def test_a_schedule_of_a_past_year_is_never_due() -> None:
    assert parse_schedule("cron(0 0 1 1 ? 2020)").after(datetime.now(UTC)) is None


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("rate(1 minutes)", "'minute' after 1"),
        ("rate(2 minute)", "'minutes' otherwise"),
        ("rate(0 minutes)", "neither rate"),
        ("every day", "neither rate"),
        ("cron(0 3 * * *)", "minute, hour, day, month, weekday and year"),
        ("cron(0 3 * * * *)", "must be '\\?'"),
        ("cron(0 3 ? * ? *)", "must be '\\?'"),
        ("cron(60 3 * * ? *)", "'60' is not within 0-59"),
        ("cron(0 3 ? * 0 *)", "'0' is not within 1-7"),
        ("cron(30-10 3 * * ? *)", "not within"),
        ("cron(0 3 L * ? *)", "'L' is not supported"),
        ("cron(0 3 ? * 6#3 *)", "'6#3' is not supported"),
        ("cron(0/0 3 * * ? *)", "'0/0' is not supported"),
    ],
)
def test_a_wrong_expression_is_refused_and_says_why(expression: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_schedule(expression)


def test_a_wrong_declaration_names_the_function_and_the_schedule() -> None:
    wrong = Function("jobs", "j.h", schedules=(Schedule("sweep", "hourly"),))
    with pytest.raises(ValueError, match="probe-jobs, schedule sweep"):
        declared_schedules(declare(wrong))


def test_the_event_has_the_recorded_shape() -> None:
    path = Path(__file__).parents[2] / "events/samples/aws/schedule.json"
    recorded = json.loads(path.read_text())
    event = scheduled_event("email", "dispatch", datetime(2015, 10, 8, 16, 53, 6, tzinfo=UTC))
    assert event.keys() == recorded.keys()
    own = ("id", "account", "resources")
    assert {k: v for k, v in event.items() if k not in own} == {
        k: v for k, v in recorded.items() if k not in own
    }


class Invocations:
    """Collects what is invoked, and fails when told to."""

    def __init__(self, wanted: int) -> None:
        self.jobs: list[str] = []
        self.enough = asyncio.Event()
        self.wanted = wanted

    async def __call__(self, name: str, event: Any) -> Result:
        self.jobs.append(f"{name} {event['detail']['job']}")
        if len(self.jobs) >= self.wanted:
            self.enough.set()
        if len(self.jobs) == 1:
            raise RuntimeError("the first run fails")
        return Result("r")


def test_schedules_fire_again_and_again_though_a_run_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def at_once(due: datetime) -> bool:
        await asyncio.sleep(0)
        return True

    async def scene() -> list[str]:
        invoke = Invocations(wanted=3)
        planned = [one for one in declared_schedules(declare(FUNCTION)) if one.job == "sweep"]
        keeping = asyncio.create_task(keep_schedules(planned, invoke))
        await asyncio.wait_for(invoke.enough.wait(), 10)
        keeping.cancel()
        return invoke.jobs

    monkeypatch.setattr(scheduler, "_reached", at_once)
    assert asyncio.run(scene())[:3] == ["probe-jobs sweep"] * 3


def test_a_job_can_be_run_now() -> None:
    async def scene() -> None:
        invoke = Invocations(wanted=1)
        with pytest.raises(RuntimeError, match="the first run fails"):
            await tick(declare(FUNCTION), invoke, "probe-jobs", "roll")
        assert invoke.jobs == ["probe-jobs roll"]
        with pytest.raises(LookupError, match="there are: probe-jobs sweep, probe-jobs roll"):
            await tick(declare(FUNCTION), invoke, "probe-jobs", "unknown")

    asyncio.run(scene())
