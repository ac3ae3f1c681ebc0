"""The environment variables of a function on AWS, from its declaration: what it asks for, no more.

The counterpart of `infra_cdk.local.function_environment`, which gives the same names.
"""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from infra_cdk.constructs import database
from infra_cdk.parameters import read
from infra_cdk.registry import queues
from infra_cdk.stages import Stage
from shared.wiring import Declared, Function, Role


def environment_of(scope: Construct, stage: Stage, one: Declared) -> dict[str, str]:
    """The variables of one function. A setting the stage has no value for is left out."""
    return _always(stage, one) | _needs(scope, stage, one.function) | _named(scope, stage, one)


def _always(stage: Stage, one: Declared) -> dict[str, str]:
    return {
        "HASTE_STAGE": stage.name,
        "HASTE_FUNCTION": one.name,
        "HASTE_LOG_LEVEL": stage.log_level,
        "POWERTOOLS_SERVICE_NAME": one.name,
        "POWERTOOLS_METRICS_NAMESPACE": "hasteCRM",
    }


def _needs(scope: Construct, stage: Stage, function: Function) -> dict[str, str]:
    found: dict[str, str] = {}
    if "database" in function.needs:
        assert function.role
        found["HASTE_DATABASE_URL"] = _database_url(scope, stage, function.role)
    if "cache" in function.needs:
        found["HASTE_CACHE_URL"] = _cache_url(scope, stage)
    if "bucket" in function.needs:
        found["HASTE_BUCKET"] = read(scope, stage, "data/bucket")
    if "bus" in function.needs:
        found["HASTE_BUS"] = stage.prefix
    if "encryption" in function.needs:
        found["HASTE_KMS_KEY"] = read(scope, stage, "data/key")
    return found


def _named(scope: Construct, stage: Stage, one: Declared) -> dict[str, str]:
    function = one.function
    queues = {f"HASTE_QUEUE_{_upper(name)}": _queue_url(stage, name) for name in function.sends}
    secrets = {
        f"HASTE_SECRET_{_upper(name)}": read(scope, stage, f"secrets/{name}")
        for name in (*function.secrets, *function.writes_secrets)
    }
    values = {name: stage.setting(name) for name in function.env}
    settings = {f"HASTE_{name}": value for name, value in values.items() if value is not None}
    return queues | secrets | settings


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


def _queue_url(stage: Stage, name: str) -> str:
    physical = stage.called(queues()[name].physical_name)
    return f"https://sqs.{cdk.Aws.REGION}.{cdk.Aws.URL_SUFFIX}/{cdk.Aws.ACCOUNT_ID}/{physical}"


def _upper(name: str) -> str:
    return name.upper().replace("-", "_")
