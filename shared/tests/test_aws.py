"""Tokens to sign in to a database with: what boto3 would make, without boto3."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import pytest

from shared import aws

_KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "AWS_DEFAULT_REGION": "eu-central-1",
}
_HOST = "haste.proxy-cxample.eu-central-1.rds.amazonaws.com"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    for name, value in _KEYS.items():
        monkeypatch.setenv(name, value)
    aws.forget_clients()
    yield
    aws.forget_clients()


@pytest.mark.parametrize("session_token", ["", "IQoJb3JpZ2luX2VjE/+==&%3D"])
@pytest.mark.parametrize("user", ["crm_app", "user name+&=/ü"])
def test_a_token_is_the_one_boto3_makes(
    monkeypatch: pytest.MonkeyPatch, session_token: str, user: str
) -> None:
    if session_token:
        monkeypatch.setenv("AWS_SESSION_TOKEN", session_token)
    now = datetime(2026, 11, 22, 12, 34, 56, tzinfo=UTC)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: now)
    rds: Any = import_module("boto3").session.Session().client("rds")
    try:
        expected = rds.generate_db_auth_token(DBHostname=_HOST, Port=5432, DBUsername=user)
    finally:
        rds.close()
    assert "20261122T123456Z" in expected
    assert aws.database_token(_HOST, 5432, user) == expected


def test_a_token_is_made_without_boto3_and_the_model_of_rds() -> None:
    program = f"""
import os, sys
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
os.environ |= {_KEYS!r}
from shared.aws import database_token
assert database_token("host", 5432, "crm_app").startswith("host:5432/?Action=connect&")
print("boto3" in sys.modules, [path for path in opened if "botocore/data" in path])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False []\n"


@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION"])
def test_who_cannot_sign_is_told_what_for(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # that would be a call to the network
    monkeypatch.delenv(missing)
    with pytest.raises(RuntimeError, match="a database URL without a password is for IAM"):
        aws.database_token(_HOST, 5432, "crm_app")


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "eu-central-1"])
def test_presigned_urls_are_of_version_4_in_every_region(
    monkeypatch: pytest.MonkeyPatch, region: str
) -> None:
    """S3 refuses the older one for objects under a key of KMS; boto3 takes it in old regions."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    aws.forget_clients()
    url = aws.client("s3").generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
    aws.forget_clients()
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in url
