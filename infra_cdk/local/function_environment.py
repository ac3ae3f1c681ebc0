"""The environment variables of a function, from its declaration: what it asks for, no more."""

from __future__ import annotations

from infra_cdk.local.stack_config import StackConfig
from shared.wiring import Declared, Function


def environment_for(declared: Declared, config: StackConfig) -> dict[str, str]:
    """The variables of one function.

    A setting named in `env` that the stack has no value for is left out: it may be optional.

    Raises:
        LookupError: the declaration asks for a queue, a secret or a database role there is none of.
    """
    function = declared.function
    try:
        return _always(declared, config) | _needs(function, config) | _named(function, config)
    except KeyError as missing:
        raise LookupError(
            f"{declared.name} asks for {missing}, which this stack does not have: "
            "correct its capability.py, or start the stack again"
        ) from missing


def _always(declared: Declared, config: StackConfig) -> dict[str, str]:
    return {
        "HASTE_STAGE": config.stage,
        "HASTE_FUNCTION": declared.name,
        "HASTE_LOG_LEVEL": config.log_level,
        "AWS_REGION": config.region,
        "AWS_DEFAULT_REGION": config.region,
        "AWS_ACCESS_KEY_ID": config.aws_key,
        "AWS_SECRET_ACCESS_KEY": config.aws_key,
        "AWS_ENDPOINT_URL": config.aws_url,
        "POWERTOOLS_SERVICE_NAME": declared.name,
        "POWERTOOLS_METRICS_NAMESPACE": "hasteCRM",
    }


def _needs(function: Function, config: StackConfig) -> dict[str, str]:
    found: dict[str, str] = {}
    if "database" in function.needs:
        found["HASTE_DATABASE_URL"] = config.database_urls[function.role or "a database role"]
    if "cache" in function.needs:
        found["HASTE_CACHE_URL"] = config.cache_url
    if "bucket" in function.needs:
        found["HASTE_BUCKET"] = config.resources.bucket
    if "bus" in function.needs:
        found["HASTE_BUS"] = config.resources.bus
    if "encryption" in function.needs:
        found["HASTE_KMS_KEY"] = config.resources.kms_key
    return found


def _named(function: Function, config: StackConfig) -> dict[str, str]:
    queues = {f"HASTE_QUEUE_{_upper(n)}": config.resources.queues[n] for n in function.sends}
    secrets = {
        f"HASTE_SECRET_{_upper(n)}": config.resources.secrets[n]
        for n in (*function.secrets, *function.writes_secrets)
    }
    settings = {
        f"HASTE_{name}": config.settings[name] for name in function.env if name in config.settings
    }
    return queues | secrets | settings


def _upper(name: str) -> str:
    return name.upper().replace("-", "_")
