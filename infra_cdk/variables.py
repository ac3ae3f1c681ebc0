"""The environment variables of a function, from its declaration: what it asks for, no more.

Their names are the same on every backend, and read in `shared.settings`; a backend only says the
values.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, Protocol

from shared.settings import in_capitals
from shared.wiring import Declared, Function

Told = Literal[
    "database",
    "cache",
    "bucket",
    "bucket_deletion",
    "bus",
    "encryption",
    "people_encryption",
    "sockets",
    "socket_url",
]
"""The needs a function is told something of: `egress` is a way out, and that is all."""

_OF_NEEDS: Mapping[Told, str] = MappingProxyType(
    {
        "database": "HASTE_DATABASE_URL",
        "cache": "HASTE_CACHE_URL",
        "bucket": "HASTE_BUCKET",
        "bucket_deletion": "HASTE_BUCKET",
        "bus": "HASTE_BUS",
        "encryption": "HASTE_KMS_KEY",
        "people_encryption": "HASTE_KMS_KEY",
        "sockets": "HASTE_SOCKETS_ENDPOINT",
        "socket_url": "HASTE_SOCKETS_URL",
    }
)


class Values(Protocol):
    """What a backend has for its functions, by the names declarations use."""

    @property
    def stage(self) -> str: ...
    @property
    def log_level(self) -> str: ...

    def of_need(self, need: Told, function: Function) -> str:
        """The address or name of what a function needs; a database's is its role's own."""
        ...

    def queue_url(self, queue: str) -> str: ...
    def secret_id(self, secret: str) -> str: ...

    def setting(self, name: str) -> str | None:
        """The value of a setting; None leaves it to its default."""
        ...


def variables(one: Declared, values: Values) -> dict[str, str]:
    """The variables of one function. A setting there is no value for is left out."""
    return _always(one, values) | _needs(one.function, values) | _named(one.function, values)


def _always(one: Declared, values: Values) -> dict[str, str]:
    return {
        "HASTE_STAGE": values.stage,
        "HASTE_FUNCTION": one.name,
        "HASTE_LOG_LEVEL": values.log_level,
        "POWERTOOLS_SERVICE_NAME": one.name,
        "POWERTOOLS_METRICS_NAMESPACE": "hasteCRM",
    }


def _needs(function: Function, values: Values) -> dict[str, str]:
    return {
        name: values.of_need(need, function)
        for need, name in _OF_NEEDS.items()
        if need in function.needs
    }


def _named(function: Function, values: Values) -> dict[str, str]:
    secrets = (*function.secrets, *function.writes_secrets)
    settings = {name: values.setting(name) for name in function.env}
    return {
        **{f"HASTE_QUEUE_{in_capitals(name)}": values.queue_url(name) for name in function.sends},
        **{f"HASTE_SECRET_{in_capitals(name)}": values.secret_id(name) for name in secrets},
        **{f"HASTE_{name}": value for name, value in settings.items() if value is not None},
    }
