"""One capability: its functions and what calls them."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import triggers
from constructs import Construct

from infra_cdk.constructs.function import DeclaredFunction
from infra_cdk.constructs.triggers import consume, on_deploy, schedule
from infra_cdk.stages import Stage
from shared.wiring import Capability, Declared


class CapabilityStack(cdk.Stack):
    """The functions of one `functions/<name>/capability.py`."""

    def __init__(self, scope: Construct, stage: Stage, capability: Capability) -> None:
        super().__init__(
            scope, stage.called(capability.name), termination_protection=stage.protected
        )
        ready: list[DeclaredFunction] = []
        first: list[triggers.Trigger] = []
        for function in capability.functions:
            one = Declared(capability, function)
            made = DeclaredFunction(self, stage, one)
            if function.queue:
                consume(made, stage, one)
            for job in function.schedules:
                schedule(made, stage, one, job)
            if function.on_deploy:
                first.append(on_deploy(made, one))
            else:
                ready.append(made)
        for trigger in first:  # before the new code of the others takes requests
            trigger.execute_before(*(made.alias for made in ready))
