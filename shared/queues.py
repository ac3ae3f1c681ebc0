"""Putting our own messages on queues. Events go through `Tx.emit`, never here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.aws import client
from shared.settings import queue_url

if TYPE_CHECKING:
    from types_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

LONGEST_DELAY_S = 900
_ENTRIES_PER_CALL = 10


class NotQueued(RuntimeError):
    """SQS did not take some of the messages."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to send. `group` keeps one tenant from starving the others on a standard queue
    (fair queues), and orders messages on a FIFO queue, which also needs `deduplication`. `delay_s`
    keeps a message from being seen for so long, at most `LONGEST_DELAY_S`; a FIFO queue cannot.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatchRequestEntry.html

    Raises:
        ValueError: the delay is out of range, or given to a message for a FIFO queue.
    """

    body: str
    group: str
    deduplication: str | None = None
    delay_s: int | None = None

    def __post_init__(self) -> None:
        if self.delay_s is None:
            return
        if not 0 <= self.delay_s <= LONGEST_DELAY_S:
            raise ValueError(f"delay_s must be 0 to {LONGEST_DELAY_S}, not {self.delay_s}")
        if self.deduplication is not None:
            raise ValueError("a FIFO queue delays no single message")


def send(queue: str, messages: Sequence[Outgoing]) -> None:
    """Put messages on a queue this function declares in `sends`, in tens.

    Raises:
        NotQueued: SQS refused some; sending all of them again is safe, as every message may
            arrive twice anyway.
    """
    for start in range(0, len(messages), _ENTRIES_PER_CALL):
        chunk = messages[start : start + _ENTRIES_PER_CALL]
        answer = client("sqs").send_message_batch(
            QueueUrl=queue_url(queue), Entries=[_entry(n, m) for n, m in enumerate(chunk)]
        )
        if failed := answer.get("Failed"):
            raise NotQueued(f"{queue}: {len(failed)} of {len(chunk)}: {failed[0].get('Code')}")


def _entry(number: int, message: Outgoing) -> SendMessageBatchRequestEntryTypeDef:
    entry: SendMessageBatchRequestEntryTypeDef = {
        "Id": str(number),
        "MessageBody": message.body,
        "MessageGroupId": message.group,
    }
    if message.deduplication is not None:
        entry["MessageDeduplicationId"] = message.deduplication
    if message.delay_s is not None:
        entry["DelaySeconds"] = message.delay_s
    return entry
