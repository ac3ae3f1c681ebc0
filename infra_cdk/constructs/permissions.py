"""What a function may do, from its declaration: one role per function, each right on one resource.

`*` stands in a resource only below something of ours (the objects of the bucket), and for network
interfaces, which Lambda makes itself and which have no name before.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
"""

from __future__ import annotations

from collections.abc import Iterator

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra_cdk.constructs.database import ADMINISTRATOR, ADMINISTRATOR_SECRET, MIGRATOR
from infra_cdk.parameters import read
from infra_cdk.registry import queues
from infra_cdk.stages import Stage
from shared.wiring import Declared, Function

_NETWORK_INTERFACES = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
]
CONNECTION_METHODS = ("POST", "DELETE")
_CDK_SUFFIX = "C96584B6F00A464EAD1953AFF4B05118"
"""What CDK ends the logical ids of such parameters with."""


def statements_of(scope: Construct, stage: Stage, one: Declared) -> Iterator[iam.PolicyStatement]:
    """Everything the function's role allows, but for its log."""
    function, stack = one.function, Stack.of(scope)
    if inside(stage, one):
        yield _allow(_NETWORK_INTERFACES, "*")
    if "database" in function.needs - stage.lacks:
        for user in _users(function):
            yield _allow(["rds-db:connect"], _database_user(scope, stage, function, user))
    if "bus" in function.needs:
        bus = stack.format_arn(service="events", resource="event-bus", resource_name=stage.prefix)
        yield _allow(["events:PutEvents"], bus)
    yield from _objects(scope, stage, function)
    if "sockets" in function.needs:
        for method in CONNECTION_METHODS:
            connections = connections_arn(scope, stage, method)
            yield _allow(["execute-api:ManageConnections"], connections)
    yield from _keys(scope, stage, function)
    yield from _queues(stack, stage, function)
    yield from _secrets(scope, stage, function)


def inside(stage: Stage, one: Declared) -> bool:
    """Whether the function is in the VPC: those with `database` or `cache` are."""
    return "network" not in stage.lacks and bool(one.function.needs & {"database", "cache"})


def wildcards_of(stage: Stage, one: Declared) -> dict[str, str]:
    """What cdk-nag finds in these statements, by its own names, with the reason for each."""
    rule, needs = "AwsSolutions-IAM5", one.function.needs
    found: dict[str, str] = {}
    if inside(stage, one):
        found[f"{rule}[Resource::*]"] = "Lambda's network interfaces have no name beforehand."
    if needs & {"bucket", "bucket_deletion"}:
        parameter = f"SsmParameterValuehaste{stage.name}databucket{_CDK_SUFFIX}Parameter"
        objects = f"arn:<AWS::Partition>:s3:::<{parameter}>/*"
        found[f"{rule}[Resource::{objects}]"] = "The objects of the one bucket."
    if "sockets" in needs:
        parameter = f"SsmParameterValuehaste{stage.name}socketsid{_CDK_SUFFIX}Parameter"
        api = f"arn:<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>:<{parameter}>"
        for method in CONNECTION_METHODS:
            every = f"{api}/{stage.name}/{method}/@connections/*"
            found[f"{rule}[Resource::{every}]"] = "The connections of the one WebSocket API."
    return found


def connections_arn(scope: Construct, stage: Stage, method: str) -> str:
    """All connections of the WebSocket API: posting to one, or closing it.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-control-access-iam.html
    """
    return Stack.of(scope).format_arn(
        service="execute-api",
        resource=read(scope, stage, "sockets/id"),
        resource_name=f"{stage.name}/{method}/@connections/*",
    )


def _users(function: Function) -> Iterator[str]:
    """The database roles it may sign in as: its own; and for who prepares the database, the
    administrator, whose password may count no more once IAM is granted to the roles it made.
    """
    yield function.role or ""
    if ADMINISTRATOR_SECRET in function.secrets:
        yield ADMINISTRATOR


def _database_user(scope: Construct, stage: Stage, function: Function, user: str) -> str:
    """A database role at the proxy, or for the migrator at the cluster.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.IAMDBAuth.IAMPolicy.html
    """
    at = "cluster-id" if function.role == MIGRATOR else "proxy-id"
    return Stack.of(scope).format_arn(
        service="rds-db",
        resource="dbuser",
        resource_name=f"{read(scope, stage, f'database/{at}')}/{user}",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )


def _objects(scope: Construct, stage: Stage, function: Function) -> Iterator[iam.PolicyStatement]:
    """What it may do with the objects of the bucket. It has versions, each deleted by itself.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
    """
    if not function.needs & {"bucket", "bucket_deletion"}:
        return
    bucket = f"arn:{Stack.of(scope).partition}:s3:::{read(scope, stage, 'data/bucket')}"
    if "bucket" in function.needs:
        yield _allow(["s3:GetObject", "s3:PutObject"], f"{bucket}/*")
    if "bucket_deletion" in function.needs:
        yield _allow(["s3:ListBucketVersions"], bucket)
        yield _allow(["s3:DeleteObject", "s3:DeleteObjectVersion"], f"{bucket}/*")


def _keys(scope: Construct, stage: Stage, function: Function) -> Iterator[iam.PolicyStatement]:
    asked = function.needs & {"bucket", "encryption", "people_encryption"}
    key = read(scope, stage, "data/key") if asked else ""
    if "encryption" in function.needs:
        # Only with the workspace in the encryption context, as `shared.encryption` always has it.
        yield _allow(
            ["kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext"],
            key,
            {"Null": {"kms:EncryptionContext:workspace_id": "false"}},
        )
    if "people_encryption" in function.needs:
        # Only with the person in it, as `functions.auth.totp` always has them.
        yield _allow(
            ["kms:Decrypt", "kms:Encrypt"],
            key,
            {"Null": {"kms:EncryptionContext:user_id": "false"}},
        )
    if "bucket" in function.needs:
        yield _allow(["kms:Decrypt", "kms:GenerateDataKey"], key, _through(scope, "s3"))
    if function.secrets or function.writes_secrets:
        actions = [
            "kms:Decrypt",
            *(["kms:GenerateDataKey"] if function.writes_secrets else []),
        ]
        key = read(scope, stage, "data/key")
        yield _allow(actions, key, _through(scope, "secretsmanager"))


def _queues(stack: Stack, stage: Stage, function: Function) -> Iterator[iam.PolicyStatement]:
    def arn(name: str) -> str:
        return queue_arn(stack, stage, name)

    for name in function.sends:
        yield _allow(["sqs:SendMessage"], arn(name))
    if function.queue:
        actions = ["ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes"]
        yield _allow([f"sqs:{a}" for a in (*actions, "ReceiveMessage")], arn(function.queue.name))


def _secrets(scope: Construct, stage: Stage, function: Function) -> Iterator[iam.PolicyStatement]:
    for name in dict.fromkeys((*function.secrets, *function.writes_secrets)):
        yield _allow(["secretsmanager:GetSecretValue"], read(scope, stage, f"secrets/{name}"))
    for name in function.writes_secrets:
        yield _allow(["secretsmanager:PutSecretValue"], read(scope, stage, f"secrets/{name}"))


def queue_arn(stack: Stack, stage: Stage, name: str) -> str:
    """The ARN of a declared queue."""
    physical = stage.called(queues()[name].physical_name)
    return stack.format_arn(service="sqs", resource=physical)


def _through(scope: Construct, service: str) -> dict[str, object]:
    """The key may be used by this AWS service on the function's behalf, not by the function."""
    stack = Stack.of(scope)
    return {"StringEquals": {"kms:ViaService": f"{service}.{stack.region}.{stack.url_suffix}"}}


def _allow(
    actions: list[str], resource: str, conditions: dict[str, object] | None = None
) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=actions, resources=[resource], conditions=conditions)
