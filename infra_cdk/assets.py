"""The code of functions and layers as CDK assets that are built when they are published.

Synthesis names an asset by the hash of its inputs and says which command makes it, so it needs
neither the built archive nor the network; `cdk deploy` runs the command for what is not uploaded
yet. https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.FileAssetSource.html
"""

from __future__ import annotations

import sys
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra_cdk.stages import Stage
from layers.assets import identity
from layers.target import LAMBDA, Target, host


def target_of(stage: Stage) -> Target:
    """What the stage's code is built for."""
    return host() if stage.host_code else LAMBDA


def version_of(asset: str, stage: Stage) -> str:
    """The hash of everything that goes into an asset."""
    return identity(asset, target_of(stage))


def code_of(scope: Construct, asset: str, stage: Stage) -> lambda_.Code:
    """An asset (`core`, `ai`, `shared` or `functions`) as the code of a layer or a function."""
    stack = cdk.Stack.of(scope)
    location = stack.synthesizer.add_file_asset(
        source_hash=version_of(asset, stage),
        executable=_command(asset, stage),
        display_name=f"{asset} for {target_of(stage).name}",
    )
    identifier = f"Asset-{asset}"
    known = cast("s3.IBucket | None", scope.node.try_find_child(identifier))
    bucket = known or s3.Bucket.from_bucket_name(scope, identifier, location.bucket_name)
    return lambda_.Code.from_bucket_v2(bucket, location.object_key)


def _command(asset: str, stage: Stage) -> list[str]:
    """Prints the path of the asset's archive, which it builds first if need be; fails where a file
    changed since.
    """
    command = [sys.executable, "-m", "layers", asset, "--expect", version_of(asset, stage)]
    return [*command, *(["--host"] if stage.host_code else [])]
