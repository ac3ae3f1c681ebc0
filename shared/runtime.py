"""How queue batches and schedules reach our code."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, cast

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    SqsFifoPartialProcessor,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from events.envelope import Event, parse
from shared.db import Tx, transaction
from shared.invocation import Handler, Payload, invocation
from shared.log import about, logger

EventT = TypeVar("EventT", bound=Event)
Message = TypeVar("Message", bound=BaseModel)


class Discard(Exception):
    """There is nothing to do about this message, now or later: log it and acknowledge."""


class Consumer:
    """A queue's events and what is done about each; `handler` is its Lambda handler.

    A handler function that takes a transaction runs in one of the event's workspace, marks the
    event in the inbox in that same transaction, and so has its effect once. One registered by
    `on_vendor` talks to a vendor: it opens its own short transactions and marks the event in the
    last of them.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._reactions: dict[str, Callable[[Event], None]] = {}
        processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        self.handler: Handler = invocation(
            lambda event, context: _batch(processor, event, self._deliver)
        )

    @property
    def listens(self) -> frozenset[str]:
        """The event types that have a reaction."""
        return frozenset(self._reactions)

    def on(self, kind: type[EventT]) -> Callable[[Callable[[Tx, EventT], None]], None]:
        """Register a reaction that runs inside one transaction of the event's workspace."""

        def register(react: Callable[[Tx, EventT], None]) -> None:
            def once(event: Event) -> None:
                with transaction(event.workspace_id, actor=f"system:{self.name}") as tx:
                    if tx.first_time(self.name, event.id):
                        react(tx, cast("EventT", event))

            self._reactions[kind.type_name()] = once

        return register

    def on_vendor(self, kind: type[EventT]) -> Callable[[Callable[[EventT], None]], None]:
        """Register a reaction that calls a vendor, so holds no transaction open meanwhile."""

        def register(react: Callable[[EventT], None]) -> None:
            self._reactions[kind.type_name()] = cast("Callable[[Event], None]", react)

        return register

    def _deliver(self, record: SQSRecord) -> None:
        body: Mapping[str, Any] = json.loads(record.body)
        event = parse(body["detail-type"], body["detail"])
        if event is None or event.type_name() not in self._reactions:
            raise Discard(f"no reaction to {body['detail-type']}")
        about(workspace_id=event.workspace_id)
        self._reactions[event.type_name()](event)


class Messages(Generic[Message]):
    """A queue filled by our own code with one kind of message; `handler` is its Lambda handler."""

    def __init__(
        self,
        kind: type[Message],
        work: Callable[[Message], None],
        *,
        fifo: bool = False,
    ) -> None:
        self._kind = kind
        self._work = work
        processor: BatchProcessor = (
            SqsFifoPartialProcessor(skip_group_on_error=True)
            if fifo
            else BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        )
        self.handler: Handler = invocation(
            lambda event, context: _batch(processor, event, self._deliver)
        )

    def _deliver(self, record: SQSRecord) -> None:
        self._work(self._kind.model_validate_json(record.body))


def job_handler(jobs: Mapping[str, Callable[[], None]]) -> Handler:
    """The handler of a function with schedules: `detail.job` of the event names the job.

    Raises:
        KeyError: the schedule names a job there is none of.
    """

    def handle(event: Payload, context: LambdaContext) -> None:
        name = event["detail"]["job"]
        logger.append_keys(job=name)
        jobs[name]()

    return invocation(handle)


def _batch(
    processor: BatchProcessor, event: Payload, deliver: Callable[[SQSRecord], None]
) -> dict[str, Any]:
    def one(record: SQSRecord) -> None:
        about()
        try:
            deliver(record)
        except Discard as reason:
            logger.info("message discarded", metadata={"reason": str(reason)})
        except Exception:
            logger.exception("message failed", metadata={"message_id": record.message_id})
            raise

    with processor(records=event["Records"], handler=one):
        processor.process()  # pyright: ignore[reportUnknownMemberType] -- untyped upstream
    return cast("dict[str, Any]", processor.response())
