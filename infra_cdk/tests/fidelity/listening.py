"""What the deployed bus, logs and feed tell."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from infra_cdk.tests.fidelity.deployed import Deployment

_RULE = "heard-by-a-test"


@dataclass(frozen=True)
class Bus:
    """A queue that hears every event of ours, by a rule beside the deployed ones."""

    deployment: Deployment
    url: str
    events: list[dict[str, Any]] = field(default_factory=list)

    def heard(self, event_type: str, about: str) -> int:
        """How many events of this type, about this thing, were published so far."""
        sqs = self.deployment.aws("sqs")
        while found := sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in found:
                self.events.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        wanted = (event_type, about)
        told = [(one["detail-type"], one["detail"]["aggregate_id"]) for one in self.events]
        return told.count(wanted)


def listen(deployment: Deployment) -> Bus:
    """Hear what is published from now on."""
    sqs, events = deployment.aws("sqs"), deployment.aws("events")
    url: str = sqs.create_queue(QueueName=_RULE)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    bus = deployment.stage.prefix
    pattern = json.dumps({"source": [{"prefix": "haste."}]})
    events.put_rule(Name=_RULE, EventBusName=bus, EventPattern=pattern)
    target = {"Id": "queue", "Arn": attributes["QueueArn"]}
    events.put_targets(Rule=_RULE, EventBusName=bus, Targets=[target])
    return Bus(deployment, url)


def logged(deployment: Deployment, function: str, text: str) -> list[str]:
    """The lines a function has logged that have this text in them."""
    group = f"/aws/lambda/{deployment.stage.called(function)}"
    pages = deployment.aws("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    return [one["message"] for page in pages for one in page["events"] if text in one["message"]]


def waiting(deployment: Deployment) -> int:
    """How many messages of ours are on queues or being handled, dead letters included."""
    sqs = deployment.aws("sqs")
    counts = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    found = 0
    for url in sqs.list_queues(QueueNamePrefix=deployment.stage.prefix)["QueueUrls"]:
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(counts))
        found += sum(int(answer["Attributes"][count]) for count in counts)
    return found


def written(deployment: Deployment, workspace: str) -> dict[str, Any]:
    """What a workspace's mails have left behind: how many rows of each kind, and which events."""
    [counts] = deployment.rows(
        """
        select
            (select count(*) from mail_ledger where workspace_id = %(w)s) as ledger,
            (select count(*) from emails where workspace_id = %(w)s) as emails,
            (select count(*) from email_analyses where workspace_id = %(w)s) as analyses,
            (select count(*) from automation_runs where workspace_id = %(w)s) as runs,
            (select count(*) from tasks where workspace_id = %(w)s) as tasks,
            (select count(*) from outbox where workspace_id = %(w)s) as unpublished
        """,
        w=workspace,
    )
    feed = deployment.rows(
        "select type from event_log where workspace_id = %(w)s order by position", w=workspace
    )
    return counts | {"events": Counter(event["type"] for event in feed)}
