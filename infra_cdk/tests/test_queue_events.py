"""What Lambda makes of messages, and of a function's report about them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra_cdk.local.queue_events import BatchFailed, failed_ids, split_by_size, to_record
from infra_cdk.local.slot import Result

SAMPLES = Path(__file__).parents[2] / "events/samples/aws"


def result(answer: Any) -> Result:
    return Result("r", answer if isinstance(answer, bytes) else json.dumps(answer).encode())


RECORDS = [{"messageId": "1"}, {"messageId": "2"}]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, set()),
        ({}, set()),
        ({"batchItemFailures": None}, set()),
        ({"batchItemFailures": []}, set()),
        ({"batchItemFailures": [{"itemIdentifier": "2"}]}, {"2"}),
        ({"batchItemFailures": [{"itemIdentifier": "2"}, {"itemIdentifier": "1"}]}, {"1", "2"}),
    ],
)
def test_a_report_names_the_failed_messages(answer: Any, expected: set[str]) -> None:
    assert failed_ids(result(answer), RECORDS) == expected


@pytest.mark.parametrize(
    "answer",
    [
        b"{",
        "text",
        [],
        {"batchItemFailures": "1"},
        {"batchItemFailures": ["1"]},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"wrongKey": "1"}]},
        {"batchItemFailures": [{"itemIdentifier": "1"}, {"itemIdentifier": "3"}]},
    ],
)
def test_a_report_that_cannot_be_understood_fails_the_whole_batch(answer: Any) -> None:
    with pytest.raises(BatchFailed):
        failed_ids(result(answer), RECORDS)


def test_an_event_through_a_rule_arrives_as_the_recorded_one() -> None:
    recorded = json.loads((SAMPLES / "eventbridge_to_sqs.json").read_text())["Records"][0]
    message = {
        "MessageId": recorded["messageId"],
        "ReceiptHandle": recorded["receiptHandle"],
        "Body": recorded["body"],
        "MD5OfBody": recorded["md5OfBody"],
        "Attributes": recorded["attributes"],
    }
    assert to_record(message, recorded["eventSourceARN"]) == recorded


def test_splitting_keeps_the_order_and_a_single_large_record() -> None:
    records = [{"body": "x" * size} for size in (1, 4_000_000, 1, 2_999_999, 1)]
    sizes = [[len(one["body"]) for one in batch] for batch in split_by_size(records)]
    assert sizes == [[1], [4_000_000], [1, 2_999_999], [1]]
