"""How queue batches and schedules reach our code."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
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
from shared.errors import WorkspaceClosing
from shared.invocation import Handler, Payload, invocation
from shared.log import about, logger

EventT = TypeVar("EventT", bound=Event)
Message = TypeVar("Message", bound=BaseModel)
Item = TypeVar("Item")


class Discard(Exception):
    """There is nothing to do about this message, now or later: log it and acknowledge."""


class Consumer:
    """A queue's events and what is done about each; `handler` is its Lambda handler.

    Events of one workspace that arrive together are handled together, because a transaction costs
    more than most effects. If that fails they are handled one by one, so that only the guilty
    message fails.

    A reaction registered by `on` runs in a transaction of the event's workspace, and the event is
    marked in the inbox in that same transaction, so it has its effect once. One registered by
    `on_vendor` calls a vendor: it opens its own short transactions and must itself see to it that
    a second delivery has no effect.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._reactions: dict[str, Callable[[Tx, Event], None]] = {}
        self._vendor_reactions: dict[str, Callable[[Sequence[Event]], None]] = {}
        processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        self.handler: Handler = invocation(
            lambda event, context: _batch(
                processor, event, _grouped(event["Records"], self._sort, self._react)
            )
        )

    @property
    def listens(self) -> frozenset[str]:
        """The event types that have a reaction."""
        return frozenset(self._reactions) | frozenset(self._vendor_reactions)

    def on(self, kind: type[EventT]) -> Callable[[Callable[[Tx, EventT], None]], None]:
        """Register a reaction that runs inside a transaction of the event's workspace."""

        def register(react: Callable[[Tx, EventT], None]) -> None:
            self._reactions[kind.type_name()] = cast("Callable[[Tx, Event], None]", react)

        return register

    def on_vendor(self, kind: type[EventT]) -> Callable[[Callable[[Sequence[EventT]], None]], None]:
        """Register a reaction that calls a vendor; it gets events of one workspace together."""

        def register(react: Callable[[Sequence[EventT]], None]) -> None:
            self._vendor_reactions[kind.type_name()] = cast(
                "Callable[[Sequence[Event]], None]", react
            )

        return register

    def _sort(self, body: str) -> tuple[Hashable, Event]:
        sent: Mapping[str, Any] = json.loads(body)
        kind, detail = sent["detail-type"], sent["detail"]
        event = parse(kind, detail) if kind in self.listens else None
        if event is None:
            raise Discard(f"no reaction to {kind}")
        vendor = event.type_name() if event.type_name() in self._vendor_reactions else None
        return (event.workspace_id, vendor), event

    def _react(self, events: Sequence[Event]) -> None:
        workspace_id = events[0].workspace_id
        about(workspace_id=workspace_id)
        vendor = self._vendor_reactions.get(events[0].type_name())
        if vendor is not None:
            vendor(events)
            return
        with transaction(workspace_id, actor=f"system:{self.name}") as tx:
            unseen = tx.first_times(self.name, [event.id for event in events])
            for event in events:
                if event.id in unseen:
                    unseen.remove(event.id)
                    self._reactions[event.type_name()](tx, event)


class Messages(Generic[Message]):
    """A queue filled by our own code with one kind of message; `handler` is its Lambda handler.

    `work` gets the messages of a batch that have the same `together` key, and if that fails, one
    at a time.
    """

    def __init__(
        self,
        kind: type[Message],
        work: Callable[[Sequence[Message]], None],
        *,
        together: Callable[[Message], Hashable],
    ) -> None:
        def sort(body: str) -> tuple[Hashable, Message]:
            message = kind.model_validate_json(body)
            return together(message), message

        processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        self.handler: Handler = invocation(
            lambda event, context: _batch(processor, event, _grouped(event["Records"], sort, work))
        )


class OrderedMessages(Generic[Message]):
    """The same for a FIFO queue: one at a time, and none of a group after one that failed."""

    def __init__(self, kind: type[Message], work: Callable[[Message], None]) -> None:
        def deliver(record: SQSRecord) -> None:
            work(kind.model_validate_json(record.body))

        processor = SqsFifoPartialProcessor(skip_group_on_error=True)
        # Its constructor does not take what the other processor's does: report, do not raise, for
        # a lone failure is no crash.
        processor.raise_on_entire_batch_failure = False
        self.handler: Handler = invocation(lambda event, context: _batch(processor, event, deliver))


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


def _grouped(
    records: Sequence[Mapping[str, Any]],
    sort: Callable[[str], tuple[Hashable, Item]],
    work: Callable[[Sequence[Item]], None],
) -> Callable[[SQSRecord], None]:
    """Work on the records in groups; what tells of each record afterwards how it went.

    A record that comes again is a group of its own: the one that took the function down with it
    must not do so to the same others until all of them are given up.
    """
    failed: dict[str, Exception] = {}
    groups: dict[Hashable, dict[str, Item]] = {}
    for record in _in_turn(records):
        try:
            key, item = sort(record["body"])
        except Exception as error:
            failed[record["messageId"]] = error
        else:
            alone = record["messageId"] if _receives(record) > 1 else None
            groups.setdefault((key, alone), {})[record["messageId"]] = item
    for members in groups.values():
        failed |= _work_on(members, work)

    def deliver(record: SQSRecord) -> None:
        if record.message_id in failed:
            raise failed[record.message_id]

    return deliver


def _in_turn(records: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """New records first, then those that come again: forwards at one delivery and backwards at the
    next, so that all but the deadly one get their turn before it.
    """
    new = [record for record in records if _receives(record) == 1]
    again = [record for record in records if _receives(record) > 1]
    backwards = any(_receives(record) % 2 for record in again)
    return new + sorted(again, key=lambda record: record["messageId"], reverse=backwards)


def _receives(record: Mapping[str, Any]) -> int:
    return int(record["attributes"]["ApproximateReceiveCount"])


def _work_on(
    members: Mapping[str, Item], work: Callable[[Sequence[Item]], None]
) -> dict[str, Exception]:
    """Work on all members at once, or one by one where that fails; the failures by message id."""
    try:
        work(list(members.values()))
    except Exception as error:
        if len(members) == 1:
            return dict.fromkeys(members, error)
        logger.warning("a batch failed; one by one now", metadata={"error": repr(error)[:500]})
        failed: dict[str, Exception] = {}
        for message_id, item in members.items():
            failed |= _work_on({message_id: item}, work)
        return failed
    return {}


def _batch(
    processor: BatchProcessor, event: Payload, deliver: Callable[[SQSRecord], None]
) -> dict[str, Any]:
    def one(record: SQSRecord) -> None:
        about()
        try:
            deliver(record)
        except Discard as reason:
            logger.info("message discarded", metadata={"reason": str(reason)})
        except WorkspaceClosing:
            # Whoever restores the workspace publishes its last events once more.
            logger.info("message discarded", metadata={"reason": "the workspace is closing"})
        except Exception:
            logger.exception("message failed", metadata={"message_id": record.message_id})
            raise

    with processor(records=event["Records"], handler=one):
        processor.process()  # pyright: ignore[reportUnknownMemberType] -- untyped upstream
    return cast("dict[str, Any]", processor.response())
