"""A declared queue: SQS with its dead letters, and the rule that fills it with events."""

# jsii's classes do not fit jsii's own protocols:
# pyright: reportArgumentType=false
from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra_cdk.acknowledged import acknowledge
from infra_cdk.stages import Stage
from shared.wiring import Declared, Queue

_WORKSPACE = "$.detail.workspace_id"


def declared_queue(scope: Construct, stage: Stage, bus: events.IEventBus, one: Declared) -> None:
    """The queue that a function consumes, with visibility as AWS advises: 6 x its timeout.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    """
    queue = one.function.queue
    assert queue
    place = Construct(scope, queue.name)
    dead = sqs.Queue(
        place,
        "DeadLetters",
        queue_name=stage.called(queue.dead_letter_name),
        retention_period=cdk.Duration.days(14),
        redrive_allow_policy=sqs.RedriveAllowPolicy(
            redrive_permission=sqs.RedrivePermission.BY_QUEUE,
            source_queues=[_named(place, stage, queue)],
        ),
        **_always(queue),
    )
    acknowledge(dead, "Serverless-SQSRedrivePolicy", "It is where redriven messages end.")
    made = sqs.Queue(
        place,
        "Queue",
        queue_name=stage.called(queue.physical_name),
        visibility_timeout=cdk.Duration.seconds(6 * one.function.timeout),
        retention_period=cdk.Duration.days(14),
        dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=queue.retries),
        **_always(queue),
        **(_per_group() if queue.fifo else {}),
    )
    if queue.listens:
        _rule(place, bus, queue, made, dead)


def _named(place: Construct, stage: Stage, queue: Queue) -> sqs.IQueue:
    """The queue by its name: it refers to its dead letters, which must not refer back."""
    arn = cdk.Stack.of(place).format_arn(service="sqs", resource=stage.called(queue.physical_name))
    return sqs.Queue.from_queue_arn(place, "Source", arn)


def _always(queue: Queue) -> dict[str, Any]:
    return {
        "encryption": sqs.QueueEncryption.SQS_MANAGED,
        "enforce_ssl": True,
        "fifo": True if queue.fifo else None,  # CloudFormation refuses a false
    }


def _per_group() -> dict[str, Any]:
    """High throughput: each message group has its own limit."""
    return {
        "deduplication_scope": sqs.DeduplicationScope.MESSAGE_GROUP,
        "fifo_throughput_limit": sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
    }


def _rule(
    place: Construct, bus: events.IEventBus, queue: Queue, made: sqs.Queue, dead: sqs.Queue
) -> None:
    """What the queue listens to; messages are grouped by workspace, so that one workspace's flood
    does not delay another's (fair queues). What EventBridge cannot deliver joins the dead letters.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
    """
    rule = events.CfnRule(
        place,
        "Rule",
        event_bus_name=bus.event_bus_name,
        event_pattern=queue.pattern,
        targets=[
            events.CfnRule.TargetProperty(
                id="queue",
                arn=made.queue_arn,
                sqs_parameters=events.CfnRule.SqsParametersProperty(message_group_id=_WORKSPACE),
                dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=dead.queue_arn),
            )
        ],
    )
    for target in (made, dead):
        target.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sqs:SendMessage"],
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                resources=[target.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": rule.attr_arn}},
            )
        )
