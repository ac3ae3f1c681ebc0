"""A declared function: Lambda with its role, its log, its version and the alias it is called by."""

# jsii's classes do not fit jsii's own protocols:
# pyright: reportArgumentType=false
from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra_cdk.acknowledged import acknowledge
from infra_cdk.assets import code_of
from infra_cdk.constructs.database import MIGRATOR
from infra_cdk.constructs.environment import environment_of
from infra_cdk.constructs.permissions import inside, statements_of, wildcards_of
from infra_cdk.constructs.retention import retention
from infra_cdk.parameters import read, read_list
from infra_cdk.stacks.layers import ARCHITECTURE, RUNTIME, layer_of
from infra_cdk.stages import Stage
from shared.wiring import Declared

ALIAS = "live"
"""What everybody calls. SnapStart works on versions only, so nobody may call the function itself.
https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
"""


class DeclaredFunction(Construct):
    """One Lambda function, called through `alias`."""

    def __init__(self, scope: Construct, stage: Stage, one: Declared) -> None:
        super().__init__(scope, one.function.name)
        log = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/lambda/{stage.called(one.name)}",
            retention=retention(stage.log_days),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        self.role = self._role(stage, one, log)
        self.function = self._function(stage, one, log)
        _place(self, self.function, stage, one)
        self.alias = lambda_.Alias(
            self,
            "Live",
            alias_name=ALIAS,
            version=self.function.current_version,
            **(_once() if one.function.schedules else {}),
        )
        if one.function.schedules:
            acknowledge(
                self.alias,
                "Serverless-LambdaAsyncFailureDestination",
                "A failed run is in the log, and the next one does its work.",
            )

    def _function(self, stage: Stage, one: Declared, log: logs.ILogGroup) -> lambda_.Function:
        declared = one.function
        return lambda_.Function(
            self,
            "Function",
            function_name=stage.called(one.name),
            description=f"{one.entry} {stage.refresh}".strip(),
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            handler=one.entry,
            code=code_of(cdk.Stack.of(self), "functions", stage),
            layers=[layer_of(cdk.Stack.of(self), stage, n) for n in (*declared.layers, "shared")],
            memory_size=declared.memory,
            timeout=cdk.Duration.seconds(declared.timeout),
            environment=environment_of(self, stage, one),
            role=self.role,
            log_group=log,
            logging_format=lambda_.LoggingFormat.JSON,
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if declared.snap_start else None,
            reserved_concurrent_executions=_reserved(stage, one),
        )

    def _role(self, stage: Stage, one: Declared, log: logs.ILogGroup) -> iam.Role:
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"What {one.name} may do",
        )
        log.grant_write(role)
        for statement in statements_of(self, stage, one):
            role.add_to_principal_policy(statement)
        for finding, reason in wildcards_of(stage, one).items():
            acknowledge(role, finding, reason)
        return role


def alias_arn(scope: Construct, stage: Stage, one: Declared) -> str:
    """The ARN by which other stacks call a function."""
    return cdk.Stack.of(scope).format_arn(
        service="lambda",
        resource="function",
        resource_name=f"{stage.called(one.name)}:{ALIAS}",
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )


def _place(scope: Construct, function: lambda_.Function, stage: Stage, one: Declared) -> None:
    """Put the function where its needs say: outside the VPC, or in one of its two zones.

    The subnets come by parameter, so the VPC is no construct here, and CDK's own `vpc` cannot be
    used.
    """
    needs = one.function.needs
    if not inside(stage, one):
        return
    zone = "egress" if "egress" in needs else "isolated"
    group = "migrator" if one.function.role == MIGRATOR else zone
    resource = function.node.default_child
    assert isinstance(resource, lambda_.CfnFunction)
    resource.vpc_config = lambda_.CfnFunction.VpcConfigProperty(
        subnet_ids=read_list(scope, stage, f"network/{zone}-subnets"),
        security_group_ids=[read(scope, stage, f"network/{group}-group")],
    )


def _once() -> dict[str, Any]:
    """A scheduled run that fails is not repeated: the next one does the same work, and more."""
    return {"retry_attempts": 0, "max_event_age": cdk.Duration.minutes(1)}


def _reserved(stage: Stage, one: Declared) -> int | None:
    """Concurrency kept back for what must run whatever else does: publishing and migrations."""
    kept = {"crm_outbox": 2, "crm_migrator": 1}
    return kept.get(one.function.role or "") if stage.reserve else None
