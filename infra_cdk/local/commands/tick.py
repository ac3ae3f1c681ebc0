"""`haste tick`: run a scheduled job now."""

from __future__ import annotations

from datetime import UTC, datetime

from infra_cdk.local.commands.failure import CannotDo
from infra_cdk.local.commands.running_stack import find, invoke
from infra_cdk.local.scheduler import declared_schedules, scheduled_event
from infra_cdk.local.stack_config import StackConfig
from infra_cdk.registry import declared


def tick(function: str, job: str) -> None:
    """Run it in the stack that runs.

    Raises:
        CannotDo: there is no such job, it failed, or nothing runs.
    """
    known = {(one.function, one.job) for one in declared_schedules(declared())}
    if (function, job) not in known:
        listed = ", ".join(f"{name} {one}" for name, one in sorted(known))
        raise CannotDo(f"there is no job {job} of {function}; there are: {listed}.")
    run_job(find(), function, job)


def run_job(config: StackConfig, function: str, job: str) -> None:
    """Run a declared job and wait for it. Raises CannotDo if it fails."""
    result = invoke(config, function, scheduled_event(function, job, datetime.now(UTC)))
    if result["error"]:
        error = result["error"]
        raise CannotDo(f"{function} {job} failed: {error.get('errorMessage', error)}")
