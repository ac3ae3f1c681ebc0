"""ElastiCache Serverless for Valkey: TLS, reachable by the functions' security groups alone.

https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/serverless.html
"""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticache as elasticache
from constructs import Construct

from infra_cdk.parameters import publish
from infra_cdk.stacks.network import group_of
from infra_cdk.stages import Stage

_ECPU_PER_SECOND = 5000


def cache(scope: Construct, stage: Stage, vpc: ec2.IVpc) -> None:
    """The cache; publishes its address. Nothing is kept of it: what it holds may be lost."""
    made = elasticache.CfnServerlessCache(
        scope,
        "Cache",
        engine="valkey",
        major_engine_version="8",
        serverless_cache_name=stage.prefix,
        security_group_ids=[group_of(scope, stage, "cache").security_group_id],
        subnet_ids=[subnet.subnet_id for subnet in vpc.isolated_subnets],
        snapshot_retention_limit=0,
        cache_usage_limits=elasticache.CfnServerlessCache.CacheUsageLimitsProperty(
            data_storage=elasticache.CfnServerlessCache.DataStorageProperty(
                unit="GB", maximum=stage.cache_gigabytes
            ),
            ecpu_per_second=elasticache.CfnServerlessCache.ECPUPerSecondProperty(
                maximum=_ECPU_PER_SECOND * stage.cache_gigabytes
            ),
        ),
    )
    publish(scope, stage, "cache/host", made.attr_endpoint_address)
