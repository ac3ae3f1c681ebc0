"""Clients of AWS services, made at first use and kept.

boto3 costs 0.2 s to import and as much again per client, so it is imported here alone and only when
a function first calls AWS. Signing in to a database needs a signature and no client: half of that.
"""

from __future__ import annotations

from functools import cache
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
_TOKEN_S = 900


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
    _session.cache_clear()


def database_token(host: str, port: int, user: str) -> str:
    """The password of one sign-in to RDS: a signed URL, which counts for the next 15 minutes.

    The same as boto3's `generate_db_auth_token`, which would load the whole model of RDS.
    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.IAMDBAuth.html

    Raises:
        RuntimeError: there are no credentials, or no region, to sign with.
    """
    from botocore.auth import SigV4QueryAuth
    from botocore.awsrequest import AWSRequest

    credentials = _session().get_credentials()
    region = _session().get_config_variable("region")
    if credentials is None or region is None:
        raise RuntimeError(
            "a database URL without a password is for IAM, which needs AWS credentials and a region"
        )
    asked = {"Action": "connect", "DBUser": user}
    request: Any = AWSRequest("GET", f"https://{host}:{port}/", params=asked)
    SigV4QueryAuth(
        credentials.get_frozen_credentials(), "rds-db", region, expires=_TOKEN_S
    ).add_auth(request)
    return request.url.removeprefix("https://")


def signed(service: str, method: str, url: str, body: bytes) -> dict[str, str]:
    """The headers of a request to an AWS service that is made without boto3: a call of its takes
    0.7 ms of processor time, one that is signed here and sent by urllib3 0.3 ms.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html

    Raises:
        RuntimeError: there are no credentials, or no region, to sign with.
    """
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    credentials = _session().get_credentials()
    region = _session().get_config_variable("region")
    if credentials is None or region is None:
        raise RuntimeError("calls of AWS services need credentials and a region")
    request: Any = AWSRequest(method, url, data=body)
    SigV4Auth(credentials.get_frozen_credentials(), service, region).add_auth(request)
    return dict(request.headers.items())


@cache
def _session() -> Any:
    """Where credentials come from, and their renewal: Lambda gives new ones before these end."""
    from botocore.session import Session

    return Session()


def _new_client(service: str) -> Any:
    from botocore.config import Config

    boto3: Any = import_module("boto3")  # untyped: its stubs know 300 services, we use five

    config = Config(
        # Else S3's presigned URLs are of version 2 in the oldest regions, which it refuses for
        # objects under a key of KMS.
        signature_version="s3v4" if service == "s3" else None,
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
