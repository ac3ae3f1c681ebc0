"""Who may do what: each function what follows from its declaration, and nobody anything else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from infra_cdk.registry import declared, queues
from shared.wiring import Declared, Role
from template_tests.templates import Assembly, Resource, arn, statements

ALL = declared()
Right = tuple[str, str, str]
"""An action, on a resource, under a condition (as JSON)."""
NETWORK_INTERFACES = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
}
"""What Lambda does itself, on interfaces that have no name before.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
"""
MANAGED = {
    "AWSCDKTriggerCustomResourceProviderCustomResourceProviderRole": "AWSLambdaBasicExecutionRole",
    "ApiCloudWatchRole": "AmazonAPIGatewayPushToCloudWatchLogs",
}
"""The only managed policies, by the beginning of their role's name: CDK's own function, and the
gateway's log, which is the account's.
"""


def roles(assembly: Assembly) -> dict[tuple[str, str], Resource]:
    """Every role by its stack and its ARN, as it reads."""
    return {(one.stack, f"<{one.id}.Arn>"): one for one in assembly.of("AWS::IAM::Role")}


def documents(assembly: Assembly, role: Resource) -> Iterator[Mapping[str, Any]]:
    """The policies of a role, in it and attached to it."""
    for policy in role.get("Policies", []):
        yield policy["PolicyDocument"]
    for policy in assembly.templates[role.stack].of("AWS::IAM::Policy"):
        if role.ref in policy["Roles"]:
            yield policy["PolicyDocument"]


def rights(assembly: Assembly, role: Resource) -> set[Right]:
    """Everything a role may do."""
    found: set[Right] = set()
    for document in documents(assembly, role):
        for statement in statements(document):
            assert statement["Effect"] == "Allow"
            assert set(statement) <= {"Effect", "Action", "Resource", "Condition"}
            condition = _condition(statement.get("Condition"))
            found |= {(a, r, condition) for a in statement["Action"] for r in statement["Resource"]}
    return found


def function_roles(assembly: Assembly) -> dict[str, Resource]:
    """The role of each function by its name, CDK's own left out."""
    known = roles(assembly)
    return {name: known[one.stack, one["Role"]] for name, one in assembly.functions().items()}


def users_of(one: Declared) -> set[str]:
    """The database users a function may be: its role, and the administrator if it has that secret,
    because RDS refuses a password to who is a member of `rds_iam`.
    """
    administers = "database-admin" in one.function.secrets
    return {one.function.role or "", "haste_admin" if administers else ""} - {""}


def implied(assembly: Assembly, one: Declared) -> set[Right]:
    """What a declaration lets its function do."""
    f, stage = one.function, assembly.stage
    log = arn("logs", f"log-group:/aws/lambda/{stage.called(one.name)}:*")
    found = {(f"logs:{action}", log, "") for action in ("CreateLogStream", "PutLogEvents")}
    if f.needs & {"database", "cache"} and "network" not in stage.lacks:
        found |= {(action, "*", "") for action in NETWORK_INTERFACES}
    if "database" not in stage.lacks:
        at = "cluster-id" if f.role == "crm_migrator" else "proxy-id"
        found |= {
            ("rds-db:connect", arn("rds-db", f"dbuser:{resource}/{user}"), "")
            for resource in [assembly.parameter(f"database/{at}")]
            for user in users_of(one)
        }
    if "bus" in f.needs:
        found.add(("events:PutEvents", arn("events", f"event-bus/{stage.prefix}"), ""))
    if "sockets" in f.needs:
        api = arn("execute-api", f"{assembly.parameter('sockets/id')}/{stage.name}")
        found |= {
            ("execute-api:ManageConnections", f"{api}/{method}/@connections/*", "")
            for method in ("POST", "DELETE")
        }
    if "bucket" in f.needs:
        objects = f"arn:${{AWS::Partition}}:s3:::{assembly.parameter('data/bucket')}/*"
        found |= {(f"s3:{action}", objects, "") for action in ("GetObject", "PutObject")}
    if "bucket_deletion" in f.needs:
        bucket = f"arn:${{AWS::Partition}}:s3:::{assembly.parameter('data/bucket')}"
        deletes = ("DeleteObject", "DeleteObjectVersion")
        found |= {(f"s3:{action}", f"{bucket}/*", "") for action in deletes}
        found.add(("s3:ListBucketVersions", bucket, ""))
    return found | _of_queues(assembly, one) | _of_keys(assembly, one) | _of_secrets(assembly, one)


def test_a_function_may_do_what_it_declares_and_nothing_else(assembly: Assembly) -> None:
    found = {name: rights(assembly, role) for name, role in function_roles(assembly).items()}
    assert set(found) == {one.name for one in ALL}
    for one in ALL:
        assert found[one.name] == implied(assembly, one), one.name


def test_every_function_has_a_role_of_its_own(assembly: Assembly) -> None:
    functions = assembly.of("AWS::Lambda::Function")
    held = {(one.stack, one["Role"]) for one in functions}
    assert len(held) == len(functions)
    assert held <= set(roles(assembly)), "a role of another stack, or of nobody"


def test_a_function_signs_in_as_its_declared_role_and_no_other(deployed: Assembly) -> None:
    """Migrations at the cluster itself, all others at the proxy."""
    for one in ALL:
        users = {
            resource.rpartition(":dbuser:")[2]
            for action, resource, _ in rights(deployed, function_roles(deployed)[one.name])
            if action.startswith("rds-db:")
        }
        at = "cluster-id" if one.function.role == "crm_migrator" else "proxy-id"
        place = deployed.parameter(f"database/{at}")
        assert users == {f"{place}/{user}" for user in users_of(one)}, one.name


def test_the_proxy_signs_in_as_whoever_signed_in_at_it(deployed: Assembly) -> None:
    proxy = deployed.one("AWS::RDS::DBProxy")
    cluster = deployed.one("AWS::RDS::DBCluster")
    users = arn("rds-db", f"dbuser:<{cluster.id}.DBClusterResourceId>")
    assert rights(deployed, roles(deployed)[proxy.stack, proxy["RoleArn"]]) == {
        ("rds-db:connect", f"{users}/{role}", "")
        for role in get_args(Role)
        if role != "crm_migrator"
    }


def test_nobody_may_do_everything(assembly: Assembly) -> None:
    for role in roles(assembly).values():
        for action, resource, _ in rights(assembly, role):
            assert re.fullmatch(r"[a-z0-9-]+:[A-Za-z]+", action), f"{role.id}: {action}"
            if resource == "*":
                assert action in NETWORK_INTERFACES, f"{role.id}: {action} anywhere"


def test_a_wildcard_is_below_something_of_ours(assembly: Assembly) -> None:
    """The objects of the one bucket, the streams of a log, the versions of a function, the
    connections of the one WebSocket API.
    """
    below = re.compile(
        r"s3:::\{\{[^}]*/data/bucket\}\}/\*$|:log-group:[^*]+:\*$|:function:[^*]+:\*$|"
        r":\{\{[^}]*/sockets/id\}\}/[a-z]+/[A-Z]+/@connections/\*$"
    )
    for role in roles(assembly).values():
        for _, resource, _ in rights(assembly, role):
            if "*" in resource and resource != "*":
                assert below.search(resource), f"{role.id}: {resource}"


def test_a_role_is_taken_by_one_service(assembly: Assembly) -> None:
    for role in roles(assembly).values():
        [trust] = statements(role["AssumeRolePolicyDocument"])
        assert (trust["Effect"], trust["Action"]) == ("Allow", ["sts:AssumeRole"])
        assert re.fullmatch(r"[a-z0-9-]+\.amazonaws\.com", trust["Principal"]["Service"])
        assert set(trust["Principal"]) == {"Service"}
    for name, role in function_roles(assembly).items():
        [trust] = statements(role["AssumeRolePolicyDocument"])
        assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}, name


def test_no_role_has_a_policy_that_aws_wrote_but_two(assembly: Assembly) -> None:
    for role in roles(assembly).values():
        expected = [name for start, name in MANAGED.items() if role.id.startswith(start)]
        found = [policy.rpartition("/")[2] for policy in role.get("ManagedPolicyArns", [])]
        assert found == expected, role.id
        assert "PermissionsBoundary" not in role.properties
    assert assembly.of("AWS::IAM::ManagedPolicy", "AWS::IAM::User", "AWS::IAM::Group") == []


def test_what_runs_at_a_deploy_is_all_that_cdk_may_invoke(assembly: Assembly) -> None:
    for role in roles(assembly).values():
        if not role.id.startswith("AWSCDKTrigger"):
            continue
        run = [
            arn("lambda", f"function:{assembly.stage.called(one.name)}:*")
            for one in ALL
            if one.function.on_deploy and one.capability.name == role.stack
        ]
        assert rights(assembly, role) == {("lambda:InvokeFunction", name, "") for name in run}


def test_a_scheduler_may_invoke_what_it_schedules(assembly: Assembly) -> None:
    scheduled = assembly.of("AWS::Scheduler::Schedule")
    for role in roles(assembly).values():
        targets = {
            one["Target"]["Arn"]
            for one in scheduled
            if (one.stack, one["Target"]["RoleArn"]) == (role.stack, f"<{role.id}.Arn>")
        }
        invoked = {r for a, r, _ in rights(assembly, role) if a == "lambda:InvokeFunction"}
        if "scheduler.amazonaws.com" in json.dumps(role["AssumeRolePolicyDocument"]):
            assert invoked == targets
            assert len(targets) == 1, "one role per function"
            [trust] = statements(role["AssumeRolePolicyDocument"])
            assert trust["Condition"]["StringEquals"]["aws:SourceAccount"] == "${AWS::AccountId}"


def test_nothing_of_ours_is_open_to_another_account(assembly: Assembly) -> None:
    """Policies of buckets, queues, keys: they allow services, and our own account."""
    kinds = ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::KMS::Key")
    for one in assembly.of(*kinds):
        document = one.get("PolicyDocument") or one["KeyPolicy"]
        for statement in statements(document):
            if statement["Effect"] == "Deny":
                continue
            principal = statement["Principal"]
            ours = {"AWS": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}
            assert principal == ours or set(principal) == {"Service"}, one.id
            if set(principal) == {"Service"}:
                assert "aws:SourceArn" in json.dumps(statement["Condition"]), one.id
    open_kinds = ("AWS::Lambda::LayerVersionPermission", "AWS::Events::EventBusPolicy")
    assert assembly.of(*open_kinds, "AWS::SecretsManager::ResourcePolicy") == []
    assert assembly.of("AWS::Lambda::Url") == []


def _of_queues(assembly: Assembly, one: Declared) -> set[Right]:
    def queue(name: str) -> str:
        return arn("sqs", assembly.stage.called(queues()[name].physical_name))

    found = {("sqs:SendMessage", queue(name), "") for name in one.function.sends}
    if one.function.queue:
        own = queue(one.function.queue.name)
        reads = ("ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "ReceiveMessage")
        found |= {(f"sqs:{action}", own, "") for action in reads}
    return found


def _of_keys(assembly: Assembly, one: Declared) -> set[Right]:
    """Data keys of workspaces with the workspace's name, secrets of people with theirs; for S3 and
    Secrets Manager, only through them.
    """
    f, key = one.function, assembly.parameter("data/key")
    workspace = _condition({"Null": {"kms:EncryptionContext:workspace_id": "false"}})
    person = _condition({"Null": {"kms:EncryptionContext:user_id": "false"}})
    through = {
        service: _condition(
            {"StringEquals": {"kms:ViaService": f"{service}.${{AWS::Region}}.${{AWS::URLSuffix}}"}}
        )
        for service in ("s3", "secretsmanager")
    }
    found: set[Right] = set()
    if "encryption" in f.needs:
        found |= {
            ("kms:Decrypt", key, workspace),
            ("kms:GenerateDataKeyWithoutPlaintext", key, workspace),
        }
    if "people_encryption" in f.needs:
        found |= {("kms:Decrypt", key, person), ("kms:Encrypt", key, person)}
    if "bucket" in f.needs:
        found |= {(f"kms:{a}", key, through["s3"]) for a in ("Decrypt", "GenerateDataKey")}
    if f.secrets or f.writes_secrets:
        found.add(("kms:Decrypt", key, through["secretsmanager"]))
    if f.writes_secrets:
        found.add(("kms:GenerateDataKey", key, through["secretsmanager"]))
    return found


def _of_secrets(assembly: Assembly, one: Declared) -> set[Right]:
    f = one.function
    read = {*f.secrets, *f.writes_secrets}
    found = {
        ("secretsmanager:GetSecretValue", assembly.parameter(f"secrets/{name}"), "")
        for name in read
    }
    return found | {
        ("secretsmanager:PutSecretValue", assembly.parameter(f"secrets/{name}"), "")
        for name in f.writes_secrets
    }


def _condition(condition: Any) -> str:
    return json.dumps(condition, sort_keys=True) if condition else ""
