"""Makes what the declarations need on the AWS stand-in: queues, rules, bucket, key, secrets.

Running it again changes only what differs: what is missing is added, changed attributes and
patterns are updated, rules no longer declared are removed. Queues are never removed: they may hold
messages. The stand-in ignores a rule's message group for standard queues, so none is set here.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from typing import Any

import boto3
from botocore.config import Config

from infra_cdk.local.stack_config import Resources
from shared.wiring import Declared, Queue

BUS = "haste"
BUCKET = "haste-mail"
KEY_ALIAS = "alias/haste"
_FOURTEEN_DAYS = "1209600"
_TARGET_ID = "queue"
_LOG = logging.getLogger("haste.provision")


def provision(
    declared: Iterable[Declared],
    endpoint: str,
    secrets: Mapping[str, str] | None = None,
    *,
    region: str = "us-east-1",
) -> Resources:
    """Make everything, and say where it is. `secrets` are values by declared name.

    Raises:
        ValueError: the declarations contradict each other.
    """
    queues = declared_queues(declared)

    def client(service: Any) -> Any:  # boto3's types know services by literal names
        return boto3.client(
            service,
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 -- the stand-in checks none
            config=Config(retries={"max_attempts": 3}, s3={"addressing_style": "path"}),
        )

    clients = {name: client(name) for name in ("sqs", "events", "s3", "kms", "secretsmanager")}
    try:
        urls = _make_queues(clients["sqs"], queues)
        _make_bus(clients["events"])
        _make_rules(clients["events"], clients["sqs"], queues, urls)
        _make_bucket(clients["s3"])
        _make_key(clients["kms"])
        ids = _make_secrets(clients["secretsmanager"], secrets or {})
    finally:
        for one in clients.values():
            one.close()
    return Resources(queues=urls, bus=BUS, bucket=BUCKET, kms_key=KEY_ALIAS, secrets=ids)


def declared_queues(declared: Iterable[Declared]) -> dict[str, tuple[Queue, int]]:
    """Each declared queue by name, with its visibility timeout: 6 x the function's timeout.

    Raises:
        ValueError: two functions consume one queue, a FIFO queue listens to events, or a function
            sends to a queue nobody consumes.
    """
    functions = tuple(declared)
    found: dict[str, tuple[Queue, int]] = {}
    for one in functions:
        queue = one.function.queue
        if queue is None:
            continue
        if queue.name in found:
            raise ValueError(f"the queue {queue.name} is consumed by {one.name} and by another")
        if queue.fifo and queue.listens:
            raise ValueError(f"{queue.name} is FIFO: our code fills it, it cannot listen to events")
        found[queue.name] = (queue, 6 * one.function.timeout)
    for one in functions:
        for name in one.function.sends:
            if name not in found:
                raise ValueError(f"{one.name} sends to {name}, a queue that nobody consumes")
    return found


def _make_queues(sqs: Any, queues: Mapping[str, tuple[Queue, int]]) -> dict[str, str]:
    """URLs by declared name, those of the dead-letter queues as `<name>-dlq`."""
    urls: dict[str, str] = {}
    for name, (queue, visibility) in queues.items():
        kind = {"FifoQueue": "true"} if queue.fifo else {}
        dead = _make_queue(
            sqs, queue.dead_letter_name, kind | {"MessageRetentionPeriod": _FOURTEEN_DAYS}
        )
        redrive = {"deadLetterTargetArn": _arn(sqs, dead), "maxReceiveCount": queue.retries}
        fast = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
        attributes = kind | (fast if queue.fifo else {})
        attributes |= {"VisibilityTimeout": str(visibility), "RedrivePolicy": json.dumps(redrive)}
        urls[name] = _make_queue(sqs, queue.physical_name, attributes)
        urls[f"{name}-dlq"] = dead
    return urls


def _make_queue(sqs: Any, name: str, attributes: Mapping[str, str]) -> str:
    try:
        url: str = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    except sqs.exceptions.QueueDoesNotExist:
        _LOG.info("making the queue %s", name)
        return sqs.create_queue(QueueName=name, Attributes=dict(attributes))["QueueUrl"]
    present = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    different = {k: v for k, v in attributes.items() if not _same(present.get(k), v)}
    different.pop("FifoQueue", None)
    if different:
        _LOG.info("changing the queue %s: %s", name, ", ".join(different))
        sqs.set_queue_attributes(QueueUrl=url, Attributes=different)
    return url


def _same(present: str | None, wanted: str) -> bool:
    """Whether two attribute values mean the same; policies are JSON in any order."""
    if present is None or not wanted.startswith("{"):
        return present == wanted
    read, meant = json.loads(present), json.loads(wanted)
    return {k: str(v) for k, v in read.items()} == {k: str(v) for k, v in meant.items()}


def _arn(sqs: Any, url: str) -> str:
    asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return asked["Attributes"]["QueueArn"]


def _make_bus(events: Any) -> None:
    if not any(bus["Name"] == BUS for bus in events.list_event_buses()["EventBuses"]):
        _LOG.info("making the bus %s", BUS)
        events.create_event_bus(Name=BUS)


def _make_rules(
    events: Any, sqs: Any, queues: Mapping[str, tuple[Queue, int]], urls: Mapping[str, str]
) -> None:
    wanted = {name: queue for name, (queue, _) in queues.items() if queue.listens}
    present = {rule["Name"]: rule for rule in _rules(events)}
    for name in present.keys() - wanted.keys():
        _LOG.info("removing the rule %s", name)
        _remove_targets(events, name, [target["Id"] for target in _targets(events, name)])
        events.delete_rule(Name=name, EventBusName=BUS)
    for name, queue in wanted.items():
        known = json.loads(present.get(name, {}).get("EventPattern") or "null")
        if known != queue.pattern:
            _LOG.info("rule %s: %s", name, ", ".join(sorted(queue.listens)))
            events.put_rule(Name=name, EventBusName=BUS, EventPattern=json.dumps(queue.pattern))
        _point_rule(events, name, _arn(sqs, urls[name]))


def _point_rule(events: Any, name: str, arn: str) -> None:
    """Let the rule have one target, the queue."""
    targets = {target["Id"]: target["Arn"] for target in _targets(events, name)}
    if targets.get(_TARGET_ID) != arn:
        target = {"Id": _TARGET_ID, "Arn": arn}
        events.put_targets(Rule=name, EventBusName=BUS, Targets=[target])
    _remove_targets(events, name, [one for one in targets if one != _TARGET_ID])


def _rules(events: Any) -> list[dict[str, Any]]:
    pages = events.get_paginator("list_rules").paginate(EventBusName=BUS)
    return [rule for page in pages for rule in page["Rules"]]


def _targets(events: Any, rule: str) -> list[dict[str, Any]]:
    return events.list_targets_by_rule(Rule=rule, EventBusName=BUS)["Targets"]


def _remove_targets(events: Any, rule: str, ids: list[str]) -> None:
    if ids:
        events.remove_targets(Rule=rule, EventBusName=BUS, Ids=ids)


def _make_bucket(s3: Any) -> None:
    if not any(bucket["Name"] == BUCKET for bucket in s3.list_buckets()["Buckets"]):
        _LOG.info("making the bucket %s", BUCKET)
        s3.create_bucket(Bucket=BUCKET)


def _make_key(kms: Any) -> None:
    pages = kms.get_paginator("list_aliases").paginate()
    if not any(alias["AliasName"] == KEY_ALIAS for page in pages for alias in page["Aliases"]):
        _LOG.info("making the key %s", KEY_ALIAS)
        key = kms.create_key(Description="hasteCRM data keys")["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName=KEY_ALIAS, TargetKeyId=key)


def _make_secrets(manager: Any, secrets: Mapping[str, str]) -> dict[str, str]:
    ids = {name: f"haste/{name}" for name in secrets}
    for name, value in secrets.items():
        try:
            present = manager.get_secret_value(SecretId=ids[name]).get("SecretString")
        except manager.exceptions.ResourceNotFoundException:
            _LOG.info("making the secret %s", name)
            manager.create_secret(Name=ids[name], SecretString=value)
        else:
            if present != value:
                _LOG.info("changing the secret %s", name)
                manager.put_secret_value(SecretId=ids[name], SecretString=value)
    return ids
