"""What outlives every deploy: database, cache, bucket, key and secrets.

Their logical ids are frozen by a test, because a changed one would have CloudFormation make a new
and empty resource. They stay when the stack is deleted, but not when its first deploy fails, which
can then be tried again. Everything else learns of them through parameters, so this stack exports
nothing and can be changed alone.
"""

# jsii's classes do not fit jsii's own protocols:
# pyright: reportArgumentType=false
from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra_cdk.acknowledged import acknowledge
from infra_cdk.constructs.cache import cache
from infra_cdk.constructs.database import ADMINISTRATOR_SECRET, database
from infra_cdk.parameters import publish
from infra_cdk.registry import declared
from infra_cdk.stacks.network import vpc_of
from infra_cdk.stages import Stage


class DataStack(cdk.Stack):
    """The stateful resources of a stage."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, stage.called("data"), termination_protection=stage.protected)
        self.key = kms.Key(
            self,
            "Key",
            alias=f"alias/{stage.prefix}",
            description="hasteCRM: data keys of workspaces, mails, secrets, storage",
            enable_key_rotation=True,
            multi_region=True,  # cannot be changed later; a replica must open what it gets
            removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        publish(self, stage, "data/key", self.key.key_arn)
        _mail_bucket(self, stage, self.key)
        _secrets(self, stage, self.key)
        vpc = None if "network" in stage.lacks else vpc_of(self, stage)
        if vpc and "database" not in stage.lacks:
            database(self, stage, vpc, self.key)
        if vpc and "cache" not in stage.lacks:
            cache(self, stage, vpc)


def _mail_bucket(scope: Construct, stage: Stage, key: kms.Key) -> None:
    """Raw mails: written once, under the hash of their content, and never changed."""
    logs = s3.Bucket(
        scope,
        "AccessLog",
        encryption=s3.BucketEncryption.S3_MANAGED,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        enforce_ssl=True,
        lifecycle_rules=[s3.LifecycleRule(expiration=cdk.Duration.days(90))],
        removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    )
    bucket = s3.Bucket(
        scope,
        "Mail",
        encryption=s3.BucketEncryption.KMS,
        encryption_key=key,
        bucket_key_enabled=True,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        enforce_ssl=True,
        versioned=True,
        lifecycle_rules=[
            s3.LifecycleRule(
                abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
                noncurrent_version_expiration=cdk.Duration.days(30),
            )
        ],
        server_access_logs_bucket=logs,
        removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    )
    publish(scope, stage, "data/bucket", bucket.bucket_name)


def _secrets(scope: Construct, stage: Stage, key: kms.Key) -> None:
    """Every declared secret. They begin empty, and functions that run on deploy fill them; the
    database administrator's is RDS's own, where there is RDS.
    """
    names = {
        name
        for one in declared()
        for name in (*one.function.secrets, *one.function.writes_secrets)
        if name != ADMINISTRATOR_SECRET or "database" in stage.lacks
    }
    for name in sorted(names):
        secret = secretsmanager.Secret(
            scope,
            f"Secret-{name}",
            description=f"hasteCRM: {name}",
            encryption_key=key,
            removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        # Without a value of the template's own, so that no update of the stack can put it back.
        resource = secret.node.default_child
        assert isinstance(resource, secretsmanager.CfnSecret)
        resource.generate_secret_string = None
        acknowledge(secret, "AwsSolutions-SMG4", "Rotated by hand: functions/auth/keys.py.")
        publish(scope, stage, f"secrets/{name}", secret.secret_arn)
