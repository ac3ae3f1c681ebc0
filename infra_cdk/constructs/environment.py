"""The environment variables of a function on AWS, from its declaration."""

from __future__ import annotations

from dataclasses import dataclass

import aws_cdk as cdk
from constructs import Construct

from infra_cdk.constructs import database
from infra_cdk.parameters import read
from infra_cdk.registry import queues
from infra_cdk.stages import Stage
from infra_cdk.variables import Told, variables
from shared.wiring import Declared, Function, Role


def environment_of(scope: Construct, stage: Stage, one: Declared) -> dict[str, str]:
    """The variables of one function. A setting the stage has no value for is left out."""
    return variables(one, _Values(scope, stage))


@dataclass(frozen=True, slots=True)
class _Values:
    """What a stage has: names that follow from its own, and what other stacks published."""

    scope: Construct
    of: Stage

    @property
    def stage(self) -> str:
        return self.of.name

    @property
    def log_level(self) -> str:
        return self.of.log_level

    def of_need(self, need: Told, function: Function) -> str:
        match need:
            case "database":
                assert function.role
                return _database_url(self.scope, self.of, function.role)
            case "cache":
                return _cache_url(self.scope, self.of)
            case "bucket" | "bucket_deletion":
                return read(self.scope, self.of, "data/bucket")
            case "bus":
                return self.of.prefix
            case "encryption" | "people_encryption":
                return read(self.scope, self.of, "data/key")
            case "sockets":
                return f"http{_sockets(self.scope, self.of)}"
            case "socket_url":
                return f"ws{_sockets(self.scope, self.of)}"

    def queue_url(self, queue: str) -> str:
        physical = self.of.called(queues()[queue].physical_name)
        return f"https://sqs.{cdk.Aws.REGION}.{cdk.Aws.URL_SUFFIX}/{cdk.Aws.ACCOUNT_ID}/{physical}"

    def secret_id(self, secret: str) -> str:
        return read(self.scope, self.of, f"secrets/{secret}")

    def setting(self, name: str) -> str | None:
        return self.of.setting(name)


def _database_url(scope: Construct, stage: Stage, role: Role) -> str:
    """Without a password: whoever connects makes an IAM token."""
    if stage.addresses:
        return stage.addresses.database.format(role=role)
    at, trusted = ("writer", "rds") if role == database.MIGRATOR else ("proxy", "public")
    host = read(scope, stage, f"database/{at}")
    return (
        f"postgresql://{role}@{host}:5432/{database.NAME}?sslmode=verify-full&sslrootcert={trusted}"
    )


def _cache_url(scope: Construct, stage: Stage) -> str:
    if stage.addresses:
        return stage.addresses.cache
    return f"rediss://{read(scope, stage, 'cache/host')}:6379"


def _sockets(scope: Construct, stage: Stage) -> str:
    """The URL of the WebSocket API without its scheme, but for whether that is safe."""
    api = read(scope, stage, "sockets/id")
    if stage.addresses:
        return f"://{stage.addresses.apis}/{api}/{stage.name}"
    return f"s://{api}.execute-api.{cdk.Aws.REGION}.{cdk.Aws.URL_SUFFIX}/{stage.name}"
