"""Queues and schedules on a laptop: brings their events to the declared functions.

    python -m infra_cdk.local.pollers [--config stack.json] [--port N]

The queues' own rules do the rest: what is not deleted is seen again after its visibility timeout,
and goes to the dead-letter queue after `retries` receives.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from infra_cdk.local import admin
from infra_cdk.local.asgi import App, asgi_app, serve
from infra_cdk.local.environment import ACCOUNT
from infra_cdk.local.fleet import Fleet
from infra_cdk.local.gateway_events import Request
from infra_cdk.local.gateway_responses import Response, problem
from infra_cdk.local.logs import log_json
from infra_cdk.local.queue_events import BatchFailed, Record, failed_ids, split_by_size, to_record
from infra_cdk.local.reload import restarting_on_change
from infra_cdk.local.scheduler import declared_schedules, keep_schedules
from infra_cdk.local.sqs import Sqs, SqsError
from infra_cdk.local.stack_config import StackConfig, config_path, load
from infra_cdk.local.state import open_state
from infra_cdk.registry import declared as all_declared
from shared.wiring import Declared, Queue

GRACE_SECONDS = 8.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0
_LOG = logging.getLogger("haste.pollers")


class Poller:
    """Brings one queue's messages to its function, batch after batch."""

    def __init__(self, declared: Declared, queue: Queue, fleet: Fleet, config: StackConfig) -> None:
        self._name = declared.name
        self._queue = queue
        self._fleet = fleet
        self._retry_seconds = config.retry_seconds
        self._url = config.resources.queues.get(queue.name, "")
        if not self._url:
            raise LookupError(f"the queue {queue.name} has not been made: start the stack again")
        self._arn = f"arn:aws:sqs:{config.region}:{ACCOUNT}:{queue.physical_name}"
        self._sqs = Sqs(config.aws_url, config.region, config.aws_key)
        self._stopping = False
        self._waiting: asyncio.Task[list[Record]] | None = None

    async def run(self) -> None:
        """Poll until `stop`; outlives SQS being away."""
        pause = _FIRST_PAUSE
        try:
            while not self._stopping:
                problem = await self._try_once()
                if problem:
                    if pause == _FIRST_PAUSE:  # said once, however long it lasts
                        _LOG.warning("%s: trying again: %s", self._queue.name, problem)
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)
                elif pause > _FIRST_PAUSE:
                    _LOG.info("%s: works again", self._queue.name)
                    pause = _FIRST_PAUSE
        finally:
            await self._sqs.close()

    def stop(self) -> None:
        """End after the batch at hand."""
        self._stopping = True
        if self._waiting is not None:
            self._waiting.cancel()

    async def _try_once(self) -> str:
        """Receive and handle one batch; returns what went wrong on our side, if anything."""
        try:
            await self._handle(await self._receive())
        except SqsError as error:
            return str(error)
        except Exception as error:
            _LOG.exception("%s: the poller failed", self._queue.name)
            return repr(error)
        return ""

    async def _receive(self) -> list[Record]:
        self._waiting = asyncio.create_task(self._receive_records())
        try:
            return await self._waiting
        except asyncio.CancelledError:
            if not self._stopping:
                raise
            return []
        finally:
            self._waiting = None

    async def _receive_records(self) -> list[Record]:
        messages = await self._sqs.receive(self._url, self._queue.batch)
        return [to_record(message, self._arn) for message in messages]

    async def _handle(self, records: Sequence[Record]) -> None:
        left = list(records)
        for batch in split_by_size(records):
            failed = await self._invoke(batch)
            done = [one for one in batch if one["messageId"] not in failed]
            if done:
                await self._sqs.delete(self._url, [one["receiptHandle"] for one in done])
            left = [one for one in left if one not in done]
            if failed and self._queue.fifo:  # what follows must not overtake it
                break
        if left and self._retry_seconds is not None:
            receipts = [one["receiptHandle"] for one in left]
            await self._sqs.change_visibility(self._url, receipts, self._retry_seconds)

    async def _invoke(self, batch: Sequence[Record]) -> set[str]:
        """The ids of the messages that were not handled."""
        everything = {one["messageId"] for one in batch}
        try:
            result = await self._fleet.invoke(self._name, {"Records": batch})
            failed = failed_ids(result, batch)
        except (BatchFailed, LookupError) as error:
            _LOG.warning("%s failed at %d messages: %s", self._name, len(batch), error)
            return everything
        if failed:
            _LOG.warning("%s failed at %d of %d messages", self._name, len(failed), len(batch))
        return failed


def pollers_of(declared: Iterable[Declared], fleet: Fleet, config: StackConfig) -> list[Poller]:
    """As many pollers for each queue as there are environments to handle its batches."""
    return [
        Poller(one, one.function.queue, fleet, config)
        for one in declared
        if one.function.queue is not None
        for _ in range(min(one.function.queue.concurrency, config.concurrency))
    ]


@asynccontextmanager
async def polling(
    declared: Sequence[Declared], fleet: Fleet, config: StackConfig
) -> AsyncIterator[None]:
    """While inside, queues and schedules are served; batches at hand are finished afterwards.

    Raises:
        LookupError: a declared queue does not exist.
        ValueError: a schedule's expression is wrong.
    """
    pollers = pollers_of(declared, fleet, config)
    schedules = declared_schedules(declared)
    served = [asyncio.create_task(poller.run()) for poller in pollers]
    others = [
        asyncio.create_task(keep_schedules(schedules, fleet.invoke, config.region)),
        asyncio.create_task(fleet.keep_stopping_idle()),
    ]
    try:
        async with restarting_on_change(Path(config.root), fleet.restart):
            yield
    finally:
        for poller in pollers:
            poller.stop()
        if served:
            await asyncio.wait(served, timeout=GRACE_SECONDS)
        await _cancel([*served, *others])
        await fleet.close()


def app_of(declared: Sequence[Declared], config: StackConfig) -> App:
    """The ASGI application: `/_haste/` only, with the pollers running as long as it does."""
    fleet = Fleet(declared, config)

    async def answer(request: Request) -> Response:
        if request.path.startswith(admin.PREFIX):
            return await admin.admin(request, fleet, config.token)
        return problem(404, "not_found", "The API is at the gateway's port.", "")

    return asgi_app(answer, polling(declared, fleet, config))


async def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m infra_cdk.local.pollers")
    arguments.add_argument("--config", type=Path, default=None)
    arguments.add_argument("--port", type=int, default=None)
    given = arguments.parse_args()
    config = load(given.config or config_path(open_state()))
    log_json("pollers")
    serve(app_of(all_declared(), config), given.port or config.pollers_port)


if __name__ == "__main__":
    main()
