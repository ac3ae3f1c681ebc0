"""Queues, their dead letters, what fills them and who empties them."""

from __future__ import annotations

from typing import Any

import pytest

from infra_cdk.local.provision import declared_queues
from infra_cdk.registry import declared
from shared.wiring import EVERY_EVENT
from template_tests.templates import Assembly, Resource, arn, statements

ALL = declared()
CONSUMERS = {one.function.queue.name: one for one in ALL if one.function.queue}
QUEUES = {name: queue for name, (queue, _) in declared_queues(ALL).items()}
LISTENING = {name: queue for name, queue in QUEUES.items() if queue.listens}
FOURTEEN_DAYS = 14 * 24 * 3600


def queues(assembly: Assembly) -> dict[str, Resource]:
    """Every queue by its physical name without the stage."""
    return assembly.named("AWS::SQS::Queue", "QueueName")


def rules(assembly: Assembly) -> dict[str, Resource]:
    """Every rule by the declared name of the queue it fills."""
    by_arn = {queue_arn(assembly, queue.physical_name): name for name, queue in QUEUES.items()}
    found: dict[str, Resource] = {}
    for rule in assembly.of("AWS::Events::Rule"):
        [target] = rule["Targets"]
        found[by_arn[target["Arn"]]] = rule
    assert len(found) == len(assembly.of("AWS::Events::Rule"))
    return found


def queue_arn(assembly: Assembly, physical_name: str) -> str:
    """The ARN of a queue of the stage."""
    return arn("sqs", assembly.stage.called(physical_name))


def test_every_declared_queue_is_there_with_its_dead_letters_and_no_other(
    assembly: Assembly,
) -> None:
    expected = {q.physical_name for q in QUEUES.values()}
    expected |= {q.dead_letter_name for q in QUEUES.values()}
    assert set(queues(assembly)) == expected


@pytest.mark.parametrize("name", QUEUES)
def test_a_message_stays_hidden_while_its_function_may_work_on_it(
    assembly: Assembly, name: str
) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""
    made = queues(assembly)[QUEUES[name].physical_name]
    assert made["VisibilityTimeout"] >= 6 * CONSUMERS[name].function.timeout
    assert made["VisibilityTimeout"] == declared_queues(ALL)[name][1], "the laptop's is another"
    assert made["MessageRetentionPeriod"] == FOURTEEN_DAYS


@pytest.mark.parametrize("name", QUEUES)
def test_what_fails_again_and_again_joins_the_dead_letters(assembly: Assembly, name: str) -> None:
    queue, found = QUEUES[name], queues(assembly)
    redrive = found[queue.physical_name]["RedrivePolicy"]
    assert redrive["deadLetterTargetArn"] == queue_arn(assembly, queue.dead_letter_name)
    assert redrive["maxReceiveCount"] == queue.retries >= 5
    dead = found[queue.dead_letter_name]
    assert dead["MessageRetentionPeriod"] == FOURTEEN_DAYS
    assert dead["RedriveAllowPolicy"] == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": [queue_arn(assembly, queue.physical_name)],
    }
    assert "RedrivePolicy" not in dead.properties


@pytest.mark.parametrize("name", QUEUES)
def test_a_queue_is_of_one_kind_with_its_dead_letters(assembly: Assembly, name: str) -> None:
    """`FifoQueue: false` would be refused."""
    queue, found = QUEUES[name], queues(assembly)
    made, dead = found[queue.physical_name], found[queue.dead_letter_name]
    assert made.get("FifoQueue") is dead.get("FifoQueue") is (True if queue.fifo else None)
    throughput = (made.get("DeduplicationScope"), made.get("FifoThroughputLimit"))
    wanted = ("messageGroup", "perMessageGroupId") if queue.fifo else (None, None)
    assert throughput == wanted, "one mailbox's messages are in order, not all mailboxes'"


def test_messages_are_encrypted(assembly: Assembly) -> None:
    for name, queue in queues(assembly).items():
        assert queue.get("SqsManagedSseEnabled") is True or queue.get("KmsMasterKeyId"), name


def test_queues_are_reached_by_tls_and_filled_by_their_own_rule(assembly: Assembly) -> None:
    """What our functions may send is said at their roles, and in no policy of a queue."""
    found = {f"<{one.id}>": one for one in assembly.of("AWS::SQS::Queue")}
    by_url = {_url(one): one for one in found.values()}
    policies = assembly.of("AWS::SQS::QueuePolicy")
    covered = [by_url[url] for policy in policies for url in policy["Queues"]]
    assert sorted(one.id for one in covered) == sorted(one.id for one in found.values())
    sources = {one["Targets"][0]["Arn"]: one for one in assembly.of("AWS::Events::Rule")}
    sources |= {
        one["Targets"][0]["DeadLetterConfig"]["Arn"]: one
        for one in assembly.of("AWS::Events::Rule")
    }
    for policy in policies:
        [url] = policy["Queues"]
        own = arn("sqs", by_url[url]["QueueName"])
        rule = sources.get(own)
        expected = [_denied(own), *([_allowed(own, rule)] if rule else [])]
        assert list(statements(policy["PolicyDocument"])) == expected


def test_a_rule_puts_on_a_queue_what_it_listens_to(assembly: Assembly) -> None:
    patterns = {name: rule["EventPattern"] for name, rule in rules(assembly).items()}
    ours = {"source": [{"prefix": "haste."}]}
    assert patterns == {
        name: ours
        if queue.listens == EVERY_EVENT
        else ours | {"detail-type": sorted(queue.listens)}
        for name, queue in LISTENING.items()
    }
    assert patterns["webhooks"] == ours, "what is added tomorrow is told, too"
    for rule in rules(assembly).values():
        assert rule.get("State", "ENABLED") == "ENABLED"


def test_events_are_grouped_by_workspace_and_never_put_on_a_fifo_queue(assembly: Assembly) -> None:
    for name, rule in rules(assembly).items():
        assert not QUEUES[name].fifo, "a rule cannot order what it puts on a queue"
        [target] = rule["Targets"]
        assert target["SqsParameters"] == {"MessageGroupId": "$.detail.workspace_id"}
        dead = queue_arn(assembly, QUEUES[name].dead_letter_name)
        assert target["DeadLetterConfig"] == {"Arn": dead}
        assert not target.keys() & {"Input", "InputPath", "InputTransformer"}, "whole events"


def test_there_is_one_bus_and_everybody_means_it(assembly: Assembly) -> None:
    """PutEvents to a bus that does not exist succeeds, and drops the event."""
    bus = assembly.one("AWS::Events::EventBus")
    assert bus["Name"] == assembly.stage.prefix
    assert {rule["EventBusName"] for rule in assembly.of("AWS::Events::Rule")} == {bus["Name"]}
    named = {
        function["Environment"]["Variables"]["HASTE_BUS"]
        for function in assembly.of("AWS::Lambda::Function")
        if "HASTE_BUS" in function.get("Environment", {}).get("Variables", {})
    }
    assert named == {bus["Name"]}


def test_every_queue_is_emptied_by_its_function(assembly: Assembly) -> None:
    """As many messages at once, and as many invocations, as are declared."""
    mappings = {
        one["EventSourceArn"]: one for one in assembly.of("AWS::Lambda::EventSourceMapping")
    }
    assert len(mappings) == len(assembly.of("AWS::Lambda::EventSourceMapping"))
    found = {
        source: (one["FunctionName"], one["BatchSize"], one["ScalingConfig"])
        for source, one in mappings.items()
    }
    assert found == {
        queue_arn(assembly, queue.physical_name): (
            assembly.live(CONSUMERS[name].name),
            queue.batch,
            {"MaximumConcurrency": queue.concurrency},
        )
        for name, queue in QUEUES.items()
    }


def test_a_message_that_fails_comes_again_alone(assembly: Assembly) -> None:
    for one in assembly.of("AWS::Lambda::EventSourceMapping"):
        assert one["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert one.get("Enabled", True)
        unwanted = {"FilterCriteria", "ProvisionedPollerConfig", "MaximumBatchingWindowInSeconds"}
        assert not unwanted & set(one.properties), "a filter deletes what it does not match"


def test_a_mapping_is_made_when_its_function_may_read_the_queue(assembly: Assembly) -> None:
    """Lambda tries to, and refuses a mapping whose role cannot."""
    for one in assembly.of("AWS::Lambda::EventSourceMapping"):
        template = assembly.templates[one.stack]
        kinds = {template.resources[name].type for name in one.depends}
        assert "AWS::IAM::Policy" in kinds


def _url(queue: Resource) -> str:
    host = "sqs.${AWS::Region}.${AWS::URLSuffix}"
    return f"https://{host}/${{AWS::AccountId}}/{queue['QueueName']}"


def _denied(queue: str) -> dict[str, Any]:
    return {
        "Action": ["sqs:*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Resource": [queue],
    }


def _allowed(queue: str, rule: Resource) -> dict[str, Any]:
    return {
        "Action": ["sqs:SendMessage"],
        "Condition": {"ArnEquals": {"aws:SourceArn": f"<{rule.id}.Arn>"}},
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Resource": [queue],
    }
