"""The Lambda layers, published once for all capabilities.

A layer's ARN has a new version number at every change, so it goes through a parameter; the
parameter's name has the layer's hash in it, which is how functions notice that it changed. Old
versions are kept: an older function, to which a failed deploy goes back, still names them.
"""

from __future__ import annotations

from typing import cast, get_args

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra_cdk.assets import code_of, version_of
from infra_cdk.parameters import publish, read
from infra_cdk.stages import Stage
from shared.wiring import Layer

RUNTIME = lambda_.Runtime.PYTHON_3_13
ARCHITECTURE = lambda_.Architecture.ARM_64
LAYERS = ("shared", *get_args(Layer))


class LayersStack(cdk.Stack):
    """One layer version per recipe."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, stage.called("layers"), termination_protection=stage.protected)
        for name in LAYERS:
            version = version_of(name, stage)
            layer = lambda_.LayerVersion(
                self,
                f"Layer-{name}-{version[:12]}",
                layer_version_name=stage.called(name),
                code=code_of(self, name, stage),
                compatible_runtimes=[RUNTIME],
                compatible_architectures=[ARCHITECTURE],
                description=version,
                removal_policy=cdk.RemovalPolicy.RETAIN,
            )
            publish(self, stage, _parameter(name, stage), layer.layer_version_arn)


def layer_of(scope: Construct, stage: Stage, name: str) -> lambda_.ILayerVersion:
    """A layer, for a function of another stack."""
    identifier = f"Layer-{name}"
    known = scope.node.try_find_child(identifier)
    return cast(
        "lambda_.ILayerVersion | None", known
    ) or lambda_.LayerVersion.from_layer_version_arn(
        scope, identifier, read(scope, stage, _parameter(name, stage))
    )


def _parameter(name: str, stage: Stage) -> str:
    return f"layers/{name}/{version_of(name, stage)[:12]}"
