"""Putting messages on queues, against moto's SQS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from shared import aws
from shared.queues import NotQueued, Outgoing, send


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for name, value in (
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ):
        monkeypatch.setenv(name, value)
    aws.forget_clients()
    with mock_aws():
        client = aws.client("sqs")
        plain = client.create_queue(QueueName="email-fetch")["QueueUrl"]
        fifo = client.create_queue(QueueName="email-sync.fifo", Attributes={"FifoQueue": "true"})[
            "QueueUrl"
        ]
        monkeypatch.setenv("HASTE_QUEUE_EMAIL_FETCH", plain)
        monkeypatch.setenv("HASTE_QUEUE_EMAIL_SYNC", fifo)
        yield client
    aws.forget_clients()


def _bodies(sqs: Any, queue: str) -> list[str]:
    found: list[str] = []
    while True:
        answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=60)
        messages = answer.get("Messages", [])
        if not messages:
            return found
        found += [message["Body"] for message in messages]


def test_more_than_ten_messages_go_in_several_calls(sqs: Any) -> None:
    send("email-fetch", [Outgoing(str(n), group="a") for n in range(23)])
    url = sqs.get_queue_url(QueueName="email-fetch")["QueueUrl"]
    assert sorted(map(int, _bodies(sqs, url))) == list(range(23))


def test_a_fifo_queue_takes_the_same_message_once(sqs: Any) -> None:
    message = Outgoing("changed", group="mailbox", deduplication="once")
    send("email-sync", [message])
    send("email-sync", [message, Outgoing("later", group="mailbox", deduplication="twice")])
    url = sqs.get_queue_url(QueueName="email-sync.fifo")["QueueUrl"]
    first = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in first] == ["changed", "later"]


def test_a_message_that_waits_is_not_seen_yet(sqs: Any) -> None:
    later = Outgoing("later", group="a", delay_s=900)
    send("email-fetch", [later, Outgoing("now", group="a"), Outgoing("too", group="a", delay_s=0)])
    url = sqs.get_queue_url(QueueName="email-fetch")["QueueUrl"]
    assert sorted(_bodies(sqs, url)) == ["now", "too"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert found["ApproximateNumberOfMessagesDelayed"] == "1"


@pytest.mark.parametrize("delay_s", [-1, 901])
def test_sqs_holds_a_message_for_a_quarter_of_an_hour(delay_s: int) -> None:
    with pytest.raises(ValueError, match="0 to 900"):
        Outgoing("a", group="g", delay_s=delay_s)


def test_a_fifo_queue_delays_no_single_message() -> None:
    with pytest.raises(ValueError, match="FIFO"):
        Outgoing("a", group="g", deduplication="once", delay_s=1)


def test_nothing_to_send_asks_nothing() -> None:
    send("email-fetch", [])


@pytest.mark.usefixtures("sqs")
def test_a_refused_message_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> dict[str, Any]:
        return {"Failed": [{"Id": "1", "SenderFault": False, "Code": "InternalError"}]}

    monkeypatch.setattr(aws.client("sqs"), "send_message_batch", refuse)
    with pytest.raises(NotQueued, match="1 of 2: InternalError"):
        send("email-fetch", [Outgoing("a", group="g"), Outgoing("b", group="g")])
