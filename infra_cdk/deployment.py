"""All stacks of a stage, and what is checked of them."""

from __future__ import annotations

import json
import os
from typing import Any

import aws_cdk as cdk

from infra_cdk.acknowledged import check_rules
from infra_cdk.constructs.database import MIGRATOR
from infra_cdk.local.state import CHECKOUT
from infra_cdk.registry import capabilities
from infra_cdk.stacks.api import ApiStack
from infra_cdk.stacks.capability import CapabilityStack
from infra_cdk.stacks.data import DataStack
from infra_cdk.stacks.layers import LayersStack
from infra_cdk.stacks.messaging import MessagingStack
from infra_cdk.stacks.network import NetworkStack
from infra_cdk.stacks.sockets import SocketsStack
from infra_cdk.stages import Stage, chosen
from shared.wiring import Capability

_UNTAGGED = ["AWS::RDS::DBProxyTargetGroup"]
"""CDK would tag them, CloudFormation refuses it."""


def build(app: cdk.App, stage: Stage) -> None:
    """All stacks of a stage, in the order in which they are deployed.

    Migrations are applied before any new code takes requests, and everything else is there before
    a new route leads to it.
    """
    data = DataStack(app, stage)
    if "network" not in stage.lacks:
        data.add_stack_dependency(NetworkStack(app, stage))
    below: list[cdk.Stack] = [data, MessagingStack(app, stage), LayersStack(app, stage)]
    made: dict[str, cdk.Stack] = {
        one.name: CapabilityStack(app, stage, one) for one in capabilities()
    }
    schema = [made[one.name] for one in capabilities() if _migrates(one)]
    rest = [stack for stack in made.values() if stack not in schema]
    api = ApiStack(app, stage)
    _after(schema, below)
    _after(rest, schema)
    _after([api], rest)
    _after([SocketsStack(app, stage)], [api])  # which gives API Gateway its log
    cdk.Tags.of(app).add("haste:stage", stage.name, exclude_resource_types=_UNTAGGED)
    if not stage.google_project and stage.addresses is None:
        cdk.Annotations.of(made["email"]).add_info(
            "google_project is not given, so mailboxes cannot be connected; say it in cdk.json"
        )


def _migrates(capability: Capability) -> bool:
    return any(f.on_deploy and f.role == MIGRATOR for f in capability.functions)


def _after(later: list[cdk.Stack], earlier: list[cdk.Stack]) -> None:
    for stack in later:
        for other in earlier:
            stack.add_stack_dependency(other)


def synthesise() -> None:
    """Write the templates of the stage that the context names, if no rule is broken."""
    folder = os.environ.get("CDK_OUTDIR") or str(CHECKOUT / "cdk.out")  # the first by CDK's CLI
    app = cdk.App(context=_flags(), outdir=folder)
    stage = chosen(app.node.try_get_context)
    build(app, stage)
    check_rules(app, stage)
    app.synth()


def _flags() -> dict[str, Any]:
    """The feature flags of cdk.json: the CDK CLI passes them on, a plain `python -m` does not."""
    written: dict[str, Any] = json.loads((CHECKOUT / "cdk.json").read_text())
    return written["context"]
