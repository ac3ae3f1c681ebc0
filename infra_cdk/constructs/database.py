"""Aurora PostgreSQL Serverless v2 behind RDS Proxy, both by IAM: no function holds a password.

Functions sign in at the proxy as the database role they declare. Migrations go straight to the
writer, because the lock that keeps two migrators apart belongs to a session.
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-proxy.html
"""

# jsii's classes do not fit jsii's own protocols:
# pyright: reportArgumentType=false
from __future__ import annotations

from typing import get_args

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from constructs import Construct

from infra_cdk.parameters import publish
from infra_cdk.stacks.network import group_of
from infra_cdk.stages import Stage
from shared.wiring import Role

NAME = "haste"
ADMINISTRATOR = "haste_admin"
ADMINISTRATOR_SECRET = "database-admin"  # noqa: S105 -- its name
MIGRATOR: Role = "crm_migrator"
"""Signs in at the writer itself."""
_ENGINE = rds.DatabaseClusterEngine.aurora_postgres(
    version=rds.AuroraPostgresEngineVersion.VER_17_7
)
_THROUGH_PROXY = tuple(role for role in get_args(Role) if role != MIGRATOR)
_PARAMETERS = {
    "rds.force_ssl": "1",
    # CVE-2026-3172: a parallel HNSW build of pgvector before 0.8.2 reads other relations' memory.
    "max_parallel_maintenance_workers": "0",
    "log_min_duration_statement": "1000",
    "log_parameter_max_length": "0",  # what people write stays out of the log
}
_ISOLATED = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)


def database(scope: Construct, stage: Stage, vpc: ec2.IVpc, key: kms.Key) -> None:
    """The cluster and its proxy; publishes their addresses and resource ids."""
    cluster = _cluster(scope, stage, vpc, key)
    signs_in = iam.Role(
        scope,
        "ProxyRole",
        assumed_by=iam.ServicePrincipal("rds.amazonaws.com"),
        description="The proxy signs in as whoever signed in at it",
    )
    for role in _THROUGH_PROXY:
        cluster.grant_connect(signs_in, role)
    proxy = rds.DatabaseProxy(
        scope,
        "Proxy",
        proxy_target=rds.ProxyTarget.from_cluster(cluster),
        vpc=vpc,
        vpc_subnets=_ISOLATED,
        security_groups=[group_of(scope, stage, "proxy")],
        role=signs_in,
        default_auth_scheme=rds.DefaultAuthScheme.IAM_AUTH,
        iam_auth=True,
        require_tls=True,
        max_connections_percent=80,
        borrow_timeout=cdk.Duration.seconds(10),
        idle_client_timeout=cdk.Duration.minutes(30),
        debug_logging=False,
    )
    publish(scope, stage, "database/proxy", proxy.endpoint)
    publish(
        scope, stage, "database/proxy-id", cdk.Fn.select(6, cdk.Fn.split(":", proxy.db_proxy_arn))
    )
    publish(scope, stage, "database/writer", cluster.cluster_endpoint.hostname)
    publish(scope, stage, "database/cluster-id", cluster.cluster_resource_identifier)
    assert cluster.secret
    publish(scope, stage, f"secrets/{ADMINISTRATOR_SECRET}", cluster.secret.secret_arn)


def _cluster(scope: Construct, stage: Stage, vpc: ec2.IVpc, key: kms.Key) -> rds.DatabaseCluster:
    capacity = stage.database
    return rds.DatabaseCluster(
        scope,
        "Database",
        engine=_ENGINE,
        writer=rds.ClusterInstance.serverless_v2("writer", publicly_accessible=False),
        readers=[
            rds.ClusterInstance.serverless_v2(
                f"reader{number}", scale_with_writer=True, publicly_accessible=False
            )
            for number in range(1, capacity.readers + 1)
        ],
        serverless_v2_min_capacity=capacity.min_acu,
        serverless_v2_max_capacity=capacity.max_acu,
        default_database_name=NAME,
        credentials=rds.Credentials.from_username(ADMINISTRATOR, encryption_key=key),
        manage_master_user_password=True,
        iam_authentication=True,
        parameter_group=rds.ParameterGroup(
            scope, "Parameters", engine=_ENGINE, parameters=_PARAMETERS
        ),
        vpc=vpc,
        vpc_subnets=_ISOLATED,
        security_groups=[group_of(scope, stage, "database")],
        storage_encrypted=True,
        storage_encryption_key=key,
        backup=rds.BackupProps(retention=cdk.Duration.days(capacity.backup_days)),
        cloudwatch_logs_exports=["postgresql"],
        copy_tags_to_snapshot=True,
        deletion_protection=stage.protected,
        removal_policy=cdk.RemovalPolicy.SNAPSHOT,
    )
