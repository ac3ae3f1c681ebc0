"""The event Lambda makes of a queue's messages, and what it makes of the function's answer.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeGuard

from infra_cdk.local.slot import Result

Message = dict[str, Any]
Record = dict[str, Any]

# Lambda takes 6 MB; JSON in JSON grows by its escapes, so this leaves room.
_BATCH_BYTES = 3_000_000
_ATTRIBUTES = {
    "StringValue": "stringValue",
    "BinaryValue": "binaryValue",
    "DataType": "dataType",
}


class BatchFailed(Exception):
    """The whole batch failed, so none of it is acknowledged; the message says why."""


def to_record(message: Message, queue_arn: str) -> Record:
    """A received message as a record of a Lambda event."""
    record: Record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": {k: str(v) for k, v in message.get("Attributes", {}).items()},
        "messageAttributes": {
            name: _message_attribute(value)
            for name, value in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }
    if "MD5OfMessageAttributes" in message:
        record["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return record


def split_by_size(records: Sequence[Record]) -> Iterator[list[Record]]:
    """The records in order, in batches that fit into one Lambda event."""
    batch: list[Record] = []
    size = 0
    for record in records:
        length = len(record["body"].encode())
        if batch and size + length > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += length
    if batch:
        yield batch


def failed_ids(result: Result, records: Sequence[Record]) -> set[str]:
    """The message ids the function reports in `batchItemFailures`; empty if all went well.

    Raises:
        BatchFailed: the function failed, or its report cannot be understood.
    """
    if result.error is not None:
        kind, message = result.error.get("errorType"), result.error.get("errorMessage")
        raise BatchFailed(f"{kind}: {message}")
    try:
        answer = result.json()
    except ValueError:
        raise BatchFailed("its answer is not JSON") from None
    if answer is None:
        return set()
    if not isinstance(answer, dict):
        raise BatchFailed("its answer is not an object with batchItemFailures")
    failures = answer.get("batchItemFailures")
    known = {record["messageId"] for record in records}
    return {_identifier(one, known) for one in failures} if _filled(failures) else set()


def _identifier(failure: object, known: set[str]) -> str:
    found = failure.get("itemIdentifier") if isinstance(failure, dict) else None
    if not isinstance(found, str) or found not in known:
        raise BatchFailed("batchItemFailures must name messages of the batch by itemIdentifier")
    return found


def _filled(failures: object) -> TypeGuard[list[object]]:
    if failures is not None and not isinstance(failures, list):
        raise BatchFailed("batchItemFailures must be a list")
    return bool(failures)


def _message_attribute(value: dict[str, Any]) -> dict[str, Any]:
    named = {new: value[old] for old, new in _ATTRIBUTES.items() if old in value}
    return {"stringListValues": [], "binaryListValues": [], **named}
