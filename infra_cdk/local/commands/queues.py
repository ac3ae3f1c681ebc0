"""`haste send` and `haste dlq`: the queues of a running stack."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import typer

from infra_cdk.local.commands.failure import CannotDo
from infra_cdk.local.commands.running_stack import find
from infra_cdk.local.stack_config import StackConfig
from infra_cdk.registry import declared
from shared.wiring import Queue

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient


def send(queue: str, body: str) -> None:
    """Put a message on a queue. Raises CannotDo if there is none, or nothing runs."""
    config = find()
    _send(_client(config), config, _queue(queue), body)
    typer.echo(f"sent to {queue}")


def dead_letters(queue: str | None, *, redrive: bool) -> None:
    """Show what lies on the dead-letter queues, or put it back on the queues it was meant for.

    Raises:
        CannotDo: there is no such queue, or nothing runs.
    """
    config = find()
    client = _client(config)
    wanted = [_queue(queue)] if queue else _queues()
    for one in wanted:
        url = _url(config, one, one.dead_letter_name)
        if redrive:
            typer.echo(f"{one.name}: {_redrive(client, config, one, url)} put back")
        else:
            typer.echo(f"{one.name}: {_count(client, url)}")


def _redrive(client: SQSClient, config: StackConfig, queue: Queue, url: str) -> int:
    """Each message is deleted after it was sent: what fails in between is there twice, not lost."""
    moved = 0
    for message in _messages(client, url):
        _send(client, config, queue, message["Body"])
        client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        moved += 1
    return moved


def _messages(client: SQSClient, url: str) -> Iterator[Any]:
    while found := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        yield from found


def _count(client: SQSClient, url: str) -> int:
    name = "ApproximateNumberOfMessages"
    answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return int(answer.get("Attributes", {}).get(name, "0"))


def _send(client: SQSClient, config: StackConfig, queue: Queue, body: str) -> None:
    fifo: dict[str, Any] = {}
    if queue.fifo:
        once = uuid.uuid4().hex
        fifo = {"MessageGroupId": once, "MessageDeduplicationId": once}
    client.send_message(QueueUrl=config.resources.queues[queue.name], MessageBody=body, **fifo)


def _url(config: StackConfig, queue: Queue, name: str) -> str:
    """The URL of a queue beside `queue`, which differs in its last part only."""
    return config.resources.queues[queue.name].removesuffix(queue.physical_name) + name


def _queues() -> list[Queue]:
    return [one.function.queue for one in declared() if one.function.queue is not None]


def _queue(name: str) -> Queue:
    found = next((queue for queue in _queues() if queue.name == name), None)
    if found is None:
        known = ", ".join(queue.name for queue in _queues())
        raise CannotDo(f"there is no queue {name}; there are: {known}.")
    return found


def _client(config: StackConfig) -> SQSClient:
    return boto3.client(
        "sqs",
        endpoint_url=config.aws_url,
        region_name=config.region,
        aws_access_key_id=config.aws_key,
        aws_secret_access_key=config.aws_key,
    )
