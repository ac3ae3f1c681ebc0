"""The environment variables of a function on a laptop, from its declaration."""

from __future__ import annotations

from dataclasses import dataclass

from infra_cdk.local.socket_events import MANAGEMENT, PATH
from infra_cdk.local.stack_config import StackConfig
from infra_cdk.variables import Told, variables
from shared.wiring import Declared, Function


def environment_for(declared: Declared, config: StackConfig) -> dict[str, str]:
    """The variables of one function.

    A setting named in `env` that the stack has no value for is left out: it may be optional.

    Raises:
        LookupError: the declaration asks for a queue, a secret or a database role there is none of.
    """
    try:
        return _aws(config) | variables(declared, _Values(config))
    except KeyError as missing:
        raise LookupError(
            f"{declared.name} asks for {missing}, which this stack does not have: "
            "correct its capability.py, or start the stack again"
        ) from missing


def _aws(config: StackConfig) -> dict[str, str]:
    return {
        "AWS_REGION": config.region,
        "AWS_DEFAULT_REGION": config.region,
        "AWS_ACCESS_KEY_ID": config.aws_key,
        "AWS_SECRET_ACCESS_KEY": config.aws_key,
        "AWS_ENDPOINT_URL": config.aws_url,
    }


@dataclass(frozen=True, slots=True)
class _Values:
    """What a running stack has; a KeyError names what it lacks."""

    config: StackConfig

    @property
    def stage(self) -> str:
        return self.config.stage

    @property
    def log_level(self) -> str:
        return self.config.log_level

    def of_need(self, need: Told, function: Function) -> str:
        resources = self.config.resources
        match need:
            case "database":
                return self.config.database_urls[function.role or "a database role"]
            case "cache":
                return self.config.cache_url
            case "bucket" | "bucket_deletion":
                return resources.bucket
            case "bus":
                return resources.bus
            case "encryption" | "people_encryption":
                return resources.kms_key
            case "sockets":
                return f"http://127.0.0.1:{self.config.gateway_port}{MANAGEMENT}"
            case "socket_url":
                return f"ws://127.0.0.1:{self.config.gateway_port}{PATH}"

    def queue_url(self, queue: str) -> str:
        return self.config.resources.queues[queue]

    def secret_id(self, secret: str) -> str:
        return self.config.resources.secrets[secret]

    def setting(self, name: str) -> str | None:
        return self.config.settings.get(name)
