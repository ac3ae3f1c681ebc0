"""One capability: its functions and what calls them."""

from __future__ import annotations

import aws_cdk as cdk
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
        for function in capability.functions:
            one = Declared(capability, function)
            made = DeclaredFunction(self, stage, one)
            if function.queue:
                consume(made, stage, one)
            for job in function.schedules:
                schedule(made, stage, one, job)
            if function.on_deploy:
                on_deploy(made, one)
