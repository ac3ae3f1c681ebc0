"""The network: who can reach whom.

Three kinds of subnets in two availability zones: public (NAT gateways only), private with a way
out through them, and isolated. Security groups say the rest, so that a function that holds data and
declares no `egress` can reach the database, the cache and AWS's own endpoints, and nothing else.
"""

# jsii's classes do not fit jsii's own protocols:
# pyright: reportArgumentType=false
from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra_cdk.acknowledged import acknowledge
from infra_cdk.constructs.retention import retention
from infra_cdk.parameters import publish, publish_list, read, read_list
from infra_cdk.stages import ZONES, Stage

POSTGRES, HTTPS = 5432, 443
SMTP = (465, 587)
"""With TLS from the start, and after STARTTLS. AWS keeps 25 shut."""
VALKEY = (6379, 6380)
"""Writes and reads of ElastiCache Serverless have a port each."""
_ON_OBJECTS = (
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:GetObject",
    "s3:ListBucketVersions",
    "s3:PutObject",
)
_ENDPOINTS = {
    "events": ec2.InterfaceVpcEndpointAwsService.EVENTBRIDGE,
    "kms": ec2.InterfaceVpcEndpointAwsService.KMS,
    "secretsmanager": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
    "sqs": ec2.InterfaceVpcEndpointAwsService.SQS,
}
"""The services that `shared.aws` calls from functions inside; S3 has a gateway, which is free."""


class NetworkStack(cdk.Stack):
    """VPC, subnets, endpoints, and the security groups of everything inside."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, stage.called("network"), termination_protection=stage.protected)
        self.vpc = _vpc(self, stage)
        _put_into_zones(self.vpc, stage.zones)
        self.isolated = self._group("Isolated", "Functions without a way out")
        self.egress = self._group("Egress", "Functions that call the outside")
        self.migrator = self._group("Migrator", "Migrations")
        self.database = self._group("Database", "Aurora")
        self.proxy = self._group("Proxy", "RDS Proxy")
        self.cache = self._group("Cache", "Valkey")
        self._endpoints()
        self._rules()
        for zone, kind in (
            ("isolated", ec2.SubnetType.PRIVATE_ISOLATED),
            ("egress", ec2.SubnetType.PRIVATE_WITH_EGRESS),
        ):
            subnets = self.vpc.select_subnets(subnet_type=kind)
            publish_list(self, stage, f"network/{zone}-subnets", subnets.subnet_ids)
        inside = {"database": self.database, "proxy": self.proxy, "cache": self.cache}
        for name, group in (self._functions() | inside).items():
            publish(self, stage, f"network/{name}-group", group.security_group_id)

    def _functions(self) -> dict[str, ec2.SecurityGroup]:
        return {"isolated": self.isolated, "egress": self.egress, "migrator": self.migrator}

    def _group(self, name: str, description: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(
            self, name, vpc=self.vpc, description=description, allow_all_outbound=False
        )

    def _endpoints(self) -> None:
        storage = self.vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
        storage.add_to_policy(_own_account(*_ON_OBJECTS))
        group = self._group("Endpoints", "Endpoints of AWS services")
        for name, service in _ENDPOINTS.items():
            endpoint = self.vpc.add_interface_endpoint(
                f"Endpoint-{name}",
                service=service,
                security_groups=[group],
                open=False,
                subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            )
            endpoint.add_to_policy(_own_account(f"{name}:*"))
        for functions in self._functions().values():
            group.add_ingress_rule(functions, ec2.Port.tcp(HTTPS), "AWS calls")

    def _rules(self) -> None:
        for functions in self._functions().values():
            # S3's gateway has public addresses. An isolated subnet has no route to any other.
            functions.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(HTTPS), "HTTPS")
        for port in SMTP:
            self.egress.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(port), "Mail servers")
        for functions in (self.isolated, self.egress):
            _connect(functions, self.proxy, POSTGRES, "Database through the proxy")
            for port in VALKEY:
                _connect(functions, self.cache, port, "Cache")
        _connect(self.migrator, self.database, POSTGRES, "Migrations, straight to the writer")
        _connect(self.proxy, self.database, POSTGRES, "The proxy's connections")


def vpc_of(scope: Construct, stage: Stage) -> ec2.IVpc:
    """The VPC with its isolated subnets, for another stack."""
    subnets = read_list(scope, stage, "network/isolated-subnets")
    zones = cdk.Fn.get_azs()
    found = ec2.Vpc.from_vpc_attributes(
        scope,
        "Vpc",
        vpc_id="-",  # nobody asks for it, only for the subnets
        availability_zones=[cdk.Fn.select(n, zones) for n in range(ZONES)],
        isolated_subnet_ids=[cdk.Fn.select(n, subnets) for n in range(ZONES)],
    )
    acknowledge(
        found,
        "Annotation::@aws-cdk/aws-ec2:noSubnetRouteTableId",
        "Routes are the network stack's own affair.",
    )
    return found


def group_of(scope: Construct, stage: Stage, name: str) -> ec2.ISecurityGroup:
    """A security group, for another stack. Its rules are written here alone."""
    return ec2.SecurityGroup.from_security_group_id(
        scope, f"Group-{name}", read(scope, stage, f"network/{name}-group"), mutable=False
    )


def _vpc(scope: Construct, stage: Stage) -> ec2.Vpc:
    def subnets(name: str, kind: ec2.SubnetType, mask: int) -> ec2.SubnetConfiguration:
        return ec2.SubnetConfiguration(name=name, subnet_type=kind, cidr_mask=mask)

    log = logs.LogGroup(
        scope,
        "FlowLog",
        retention=retention(stage.log_days),
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    return ec2.Vpc(
        scope,
        "Vpc",
        max_azs=ZONES,
        nat_gateways=stage.nat_gateways,
        restrict_default_security_group=False,  # takes a custom resource; nothing is ever in it
        subnet_configuration=[
            subnets("public", ec2.SubnetType.PUBLIC, 26),
            subnets("egress", ec2.SubnetType.PRIVATE_WITH_EGRESS, 20),
            subnets("isolated", ec2.SubnetType.PRIVATE_ISOLATED, 20),
        ],
        flow_logs={
            "Rejected": ec2.FlowLogOptions(
                traffic_type=ec2.FlowLogTrafficType.REJECT,
                destination=ec2.FlowLogDestination.to_cloud_watch_logs(log),
            )
        },
    )


def _own_account(*actions: str) -> iam.PolicyStatement:
    """Through an endpoint, only what is of this account can be reached: nothing is carried out."""
    return iam.PolicyStatement(
        principals=[iam.AnyPrincipal()],
        actions=list(actions),
        resources=["*"],
        conditions={"StringEquals": {"aws:ResourceAccount": cdk.Aws.ACCOUNT_ID}},
    )


def _put_into_zones(vpc: ec2.Vpc, zones: Sequence[str]) -> None:
    """Name the zones: of a region's first two one may be without RDS Proxy (use1-az3 is)."""
    for subnets in (vpc.public_subnets, vpc.private_subnets, vpc.isolated_subnets):
        for subnet, zone in zip(subnets, zones, strict=False):
            resource = subnet.node.default_child
            assert isinstance(resource, ec2.CfnSubnet)
            resource.availability_zone = zone


def _connect(
    source: ec2.SecurityGroup, target: ec2.SecurityGroup, port: int, description: str
) -> None:
    source.add_egress_rule(target, ec2.Port.tcp(port), description)
    target.add_ingress_rule(source, ec2.Port.tcp(port), description)
