"""What calls a declared function besides the API: its queue, its schedules, a deploy."""

# jsii's classes do not fit jsii's own protocols:
# pyright: reportArgumentType=false
from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import triggers

from infra_cdk.constructs.function import DeclaredFunction
from infra_cdk.constructs.permissions import queue_arn
from infra_cdk.stages import Stage
from shared.wiring import Declared, Schedule


def consume(made: DeclaredFunction, stage: Stage, one: Declared) -> None:
    """Give the function its queue's messages; those it reports failed come again, alone.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    queue = one.function.queue
    assert queue
    mapping = lambda_.CfnEventSourceMapping(
        made,
        "Queue",
        function_name=made.alias.function_arn,
        event_source_arn=queue_arn(cdk.Stack.of(made), stage, queue.name),
        batch_size=queue.batch,
        scaling_config=lambda_.CfnEventSourceMapping.ScalingConfigProperty(
            maximum_concurrency=queue.concurrency
        ),
        function_response_types=["ReportBatchItemFailures"],
    )
    mapping.node.add_dependency(made.role)  # with its policy, or Lambda refuses the mapping


def schedule(made: DeclaredFunction, stage: Stage, one: Declared, job: Schedule) -> None:
    """Call the function again and again, with the event EventBridge's own rules would send.

    What a missed or failed run left is done by the next one, if it was missed within a minute or a
    day: mails wait in the ledger, events in the outbox, a watch is renewed days before it ends.
    """
    scheduler.Schedule(
        made,
        f"Schedule-{job.name}",
        schedule_name=stage.called(f"{one.name}-{job.name}"),
        schedule=scheduler.ScheduleExpression.expression(job.expression),
        target=targets.LambdaInvoke(
            made.alias,
            input=scheduler.ScheduleTargetInput.from_object(_event(job)),
            max_event_age=cdk.Duration.minutes(1),
            retry_attempts=0,
        ),
    )


def on_deploy(made: DeclaredFunction, one: Declared) -> triggers.Trigger:
    """Run the function whenever it changed; where it fails, so does the deploy."""
    return triggers.Trigger(
        made,
        "OnDeploy",
        handler=made.function,
        timeout=cdk.Duration.seconds(one.function.timeout),
        invocation_type=triggers.InvocationType.REQUEST_RESPONSE,
    )


def _event(job: Schedule) -> dict[str, object]:
    """https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html"""
    return {
        "version": "0",
        "id": "<aws.scheduler.execution-id>",
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": cdk.Aws.ACCOUNT_ID,
        "time": "<aws.scheduler.scheduled-time>",
        "region": cdk.Aws.REGION,
        "resources": ["<aws.scheduler.schedule-arn>"],
        "detail": {"job": job.name},
    }
