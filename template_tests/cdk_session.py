"""Synthesises stage after stage in one process: a program that the tests start, and ask by lines.

CDK takes eight seconds to start and two a stage, and it is Node, which a test process must not
start. Each line of the input is a JSON object, `folder` and `context` as the CDK CLI gives them;
each is answered by a line, a JSON string: empty, or why the synthesis failed.

The first is synthesised as `python -m infra_cdk.app` does it. One with `bare` is synthesised with
nothing acknowledged and with findings planted, to see what the rules find.
"""

# jsii's classes do not fit jsii's own protocols:
# pyright: reportArgumentType=false
from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any


def _first(folder: str, context: dict[str, Any]) -> None:
    """The app's own `main`, started as the CDK CLI starts it."""
    os.environ |= {"CDK_OUTDIR": folder, "CDK_CONTEXT_JSON": json.dumps(context)}
    from infra_cdk.app import main

    main()


def _again(folder: str, context: dict[str, Any], bare: bool = False) -> None:
    """What `main` does, in a process that has CDK already."""
    import aws_cdk as cdk

    from infra_cdk.acknowledged import check_rules
    from infra_cdk.deployment import build
    from infra_cdk.stages import chosen

    importlib.invalidate_caches()
    flags = json.loads(Path("cdk.json").read_text())["context"]
    app = cdk.App(outdir=folder, context=flags, post_cli_context=context, auto_synth=False)
    stage = chosen(app.node.try_get_context)
    acknowledged: dict[str, str] = {}
    if bare:
        _collect(acknowledged)
    build(app, stage)
    if bare:
        _plant(app)
    check_rules(app, stage)
    Path(folder).mkdir(parents=True, exist_ok=True)
    Path(folder, "acknowledged.json").write_text(json.dumps(acknowledged))
    app.synth()


def _collect(into: dict[str, str]) -> None:
    """From now on, keep acknowledgements from CDK: their rules and reasons go into `into`."""
    import aws_cdk as cdk

    def acknowledge(self: cdk.Validations, *rules: cdk.Acknowledgment) -> None:
        into.update({one.id: one.reason for one in rules})

    cdk.Validations.acknowledge = acknowledge


def _plant(app: Any) -> None:
    """A stack that breaks a rule of every kind."""
    import aws_cdk as cdk
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_s3 as s3
    from aws_cdk import aws_sqs as sqs

    stack = cdk.Stack(app, "planted")
    s3.Bucket(stack, "Bucket")
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    role.add_to_policy(iam.PolicyStatement(actions=["s3:*"], resources=["*"]))
    sqs.CfnQueue(stack, "Queue", delay_seconds=86_400, sqs_managed_sse_enabled=True)
    cdk.Annotations.of(stack).add_warning_v2("planted:warning", "Something is not as it should be.")


def main() -> None:
    """Answer every line."""
    answers, sys.stdout = sys.stdout, sys.stderr
    for number, line in enumerate(sys.stdin):
        failed = ""
        try:
            (_again if number else _first)(**json.loads(line))
        except RuntimeError as error:  # what jsii makes of whatever Node throws
            failed = str(error)
        answers.write(json.dumps(failed) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
