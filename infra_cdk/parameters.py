"""What stacks tell each other, by parameters of Systems Manager instead of CloudFormation exports.

An exported value that another stack imports cannot change, nor its stack be replaced; a parameter
is read anew at every deploy. So stacks can be changed one by one.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html
"""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra_cdk.stages import Stage

_SEPARATOR = ","


def publish(scope: Construct, stage: Stage, name: str, value: str) -> None:
    """Write a value where other stacks of the stage `read` it."""
    ssm.StringParameter(
        scope,
        f"Parameter-{name}",
        parameter_name=stage.parameter(name),
        string_value=value,
    )


def publish_list(scope: Construct, stage: Stage, name: str, values: Sequence[str]) -> None:
    """Write several values where other stacks `read_list` them."""
    publish(scope, stage, name, cdk.Fn.join(_SEPARATOR, list(values)))


def read(scope: Construct, stage: Stage, name: str) -> str:
    """A value another stack publishes, known at deploy time."""
    return ssm.StringParameter.value_for_string_parameter(scope, stage.parameter(name))


def read_list(scope: Construct, stage: Stage, name: str) -> list[str]:
    """The values another stack publishes, as a list known at deploy time."""
    return cdk.Fn.split(_SEPARATOR, read(scope, stage, name))
