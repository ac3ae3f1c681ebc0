"""Clients of AWS services, made at first use and kept.

boto3 costs 0.2 s to import and as much again per client, so it is imported here alone and only when
a function first calls AWS.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, overload

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_kms import KMSClient
    from types_boto3_s3 import S3Client
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sqs import SQSClient

_clients: dict[str, Any] = {}

_CONNECT_TIMEOUT_S = 2
_READ_TIMEOUT_S = 10


@overload
def client(service: Literal["events"]) -> EventBridgeClient: ...
@overload
def client(service: Literal["kms"]) -> KMSClient: ...
@overload
def client(service: Literal["s3"]) -> S3Client: ...
@overload
def client(service: Literal["secretsmanager"]) -> SecretsManagerClient: ...
@overload
def client(service: Literal["sqs"]) -> SQSClient: ...
def client(service: str) -> Any:
    """The client of a service. `AWS_ENDPOINT_URL` decides where it goes, as boto3 reads it."""
    if service not in _clients:
        _clients[service] = _new_client(service)
    return _clients[service]


def forget_clients() -> None:
    """Close the clients; new ones are made at the next use, as the environment then says."""
    for made in _clients.values():
        made.close()
    _clients.clear()


def _new_client(service: str) -> Any:
    from botocore.config import Config

    boto3: Any = import_module("boto3")  # untyped: its stubs know 300 services, we use five

    config = Config(
        connect_timeout=_CONNECT_TIMEOUT_S,
        read_timeout=_READ_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": 3},
        # Half of what a call costs us: our types and tests check the parameters already, and TLS
        # and SigV4 the bytes.
        parameter_validation=False,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path"},
    )
    return boto3.client(service, config=config)
