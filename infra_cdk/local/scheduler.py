"""Fires the declared schedules, as EventBridge does.

What was due while nothing ran here, or while the job's last run was still going, is left out.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from infra_cdk.local.environment import ACCOUNT
from infra_cdk.local.schedules import Cron, Rate, parse_schedule
from infra_cdk.local.slot import Result
from shared.wiring import Declared

Invoke = Callable[[str, object], Awaitable[Result]]
_LATE = timedelta(seconds=60)  # the machine slept
_LONGEST_SLEEP = 30.0
_LOG = logging.getLogger("haste.scheduler")


@dataclass(frozen=True, slots=True)
class Planned:
    """A function's schedule: the job's name and when it is due."""

    function: str
    job: str
    schedule: Rate | Cron


def scheduled_event(
    function: str, job: str, at: datetime, region: str = "us-east-1"
) -> dict[str, Any]:
    """The event of a schedule of a function.

    https://docs.aws.amazon.com/lambda/latest/dg/with-eventbridge-scheduler.html
    """
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [f"arn:aws:events:{region}:{ACCOUNT}:rule/{function}-{job}"],
        "detail": {"job": job},
    }


async def tick(declared: Iterable[Declared], invoke: Invoke, function: str, job: str) -> Result:
    """Run a scheduled job now.

    Raises:
        LookupError: there is no such function, or it has no such job.
    """
    jobs = {one.name: [s.name for s in one.function.schedules] for one in declared}
    if job not in jobs.get(function, []):
        known = ", ".join(f"{name} {one}" for name, found in jobs.items() for one in found)
        raise LookupError(f"there is no job {job} of {function}; there are: {known or 'none'}")
    return await invoke(function, scheduled_event(function, job, datetime.now(UTC)))


def declared_schedules(declared: Iterable[Declared]) -> list[Planned]:
    """All schedules, read. Raises ValueError, naming the function, for a wrong expression."""
    found: list[Planned] = []
    for one in declared:
        for schedule in one.function.schedules:
            try:
                due = parse_schedule(schedule.expression)
            except ValueError as error:
                raise ValueError(f"{one.name}, schedule {schedule.name}: {error}") from error
            found.append(Planned(one.name, schedule.name, due))
    return found


async def keep_schedules(
    planned: Iterable[Planned], invoke: Invoke, region: str = "us-east-1"
) -> None:
    """Fire every schedule until cancelled."""
    await asyncio.gather(*(_keep(one, invoke, region) for one in planned))


async def _keep(planned: Planned, invoke: Invoke, region: str) -> None:
    while due := planned.schedule.after(datetime.now(UTC)):
        if await _reached(due):
            await _fire(planned, due, invoke, region)


async def _reached(due: datetime) -> bool:
    """Wait until `due`; False if it has passed unseen. Sleeps in parts: the clock may be set."""
    while (left := due - datetime.now(UTC)) > timedelta():
        await asyncio.sleep(min(left.total_seconds(), _LONGEST_SLEEP))
    return -left < _LATE


async def _fire(planned: Planned, due: datetime, invoke: Invoke, region: str) -> None:
    event = scheduled_event(planned.function, planned.job, due, region)
    try:
        result = await invoke(planned.function, event)
    except Exception:  # the next time may go well
        _LOG.exception("%s %s could not run", planned.function, planned.job)
        return
    if result.error is not None:
        message = result.error.get("errorMessage")
        _LOG.warning("%s %s failed: %s", planned.function, planned.job, message)
