"""The declarations become queues, rules, a bucket, a key and secrets on the AWS stand-in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra_cdk.local import provision as provisioning
from infra_cdk.local.function_environment import environment_for
from infra_cdk.local.ministack import Ministack
from infra_cdk.local.provision import declared_queues, provision
from infra_cdk.local.stack_config import (
    Resources,
    StackConfig,
    config_path,
    load,
    save,
    tunables,
)
from infra_cdk.tests.probe import config, declare
from shared.wiring import Function, Queue

SYNC = Function("sync", "c.h", queue=Queue("email-sync", fifo=True, retries=3), timeout=10)
MAIL = Function("mail", "c.h", queue=Queue("mail", listens=("EmailReceived",)), timeout=20)
SECRETS = {"auth-private-keys": "s3cret"}


@contextmanager
def clients(ministack: Ministack) -> Iterator[dict[str, Any]]:
    made = {
        name: boto3.client(
            name,
            endpoint_url=ministack.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        for name in ("sqs", "events", "kms", "s3", "secretsmanager")
    }
    try:
        yield made
    finally:
        for client in made.values():
            client.close()


def attributes(sqs: Any, url: str) -> dict[str, str]:
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]


def received(sqs: Any, url: str) -> list[dict[str, Any]]:
    found = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5, MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in found.get("Messages", [])]


def put(events: Any, source: str, kind: str) -> None:
    entry = {"Source": source, "DetailType": kind, "Detail": "{}", "EventBusName": "haste"}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0


def test_queues_get_their_visibility_redrive_and_order(ministack: Ministack) -> None:
    urls = provision(declare(SYNC, MAIL), ministack.url).queues
    with clients(ministack) as aws:
        sync, mail = (
            attributes(aws["sqs"], urls["email-sync"]),
            attributes(aws["sqs"], urls["mail"]),
        )
        dead = attributes(aws["sqs"], urls["email-sync-dlq"])
    assert (sync["VisibilityTimeout"], mail["VisibilityTimeout"]) == ("60", "120")
    assert sync["FifoQueue"] == dead["FifoQueue"] == "true"
    assert urls["email-sync"].endswith("/email-sync.fifo")
    redrive = json.loads(sync["RedrivePolicy"])
    assert int(redrive["maxReceiveCount"]) == 3
    assert redrive["deadLetterTargetArn"] == dead["QueueArn"]


def test_events_listened_to_reach_the_queue_and_others_do_not(ministack: Ministack) -> None:
    urls = provision(declare(MAIL), ministack.url).queues
    with clients(ministack) as aws:
        put(aws["events"], "haste.email", "EmailAnalyzed")
        put(aws["events"], "elsewhere", "EmailReceived")
        put(aws["events"], "haste.email", "EmailReceived")
        (event,) = received(aws["sqs"], urls["mail"])
    assert (event["source"], event["detail-type"]) == ("haste.email", "EmailReceived")


def test_the_key_the_bucket_and_the_secrets_work(ministack: Ministack) -> None:
    resources = provision(declare(MAIL), ministack.url, SECRETS)
    with clients(ministack) as aws:
        context = {"workspace": "w1"}
        key = aws["kms"].generate_data_key(
            KeyId=resources.kms_key, KeySpec="AES_256", EncryptionContext=context
        )
        plain = aws["kms"].decrypt(CiphertextBlob=key["CiphertextBlob"], EncryptionContext=context)
        assert plain["Plaintext"] == key["Plaintext"]
        aws["s3"].put_object(Bucket=resources.bucket, Key="k", Body=b"x")
        secret = aws["secretsmanager"].get_secret_value(
            SecretId=resources.secrets["auth-private-keys"]
        )
        assert secret["SecretString"] == "s3cret"


def test_a_second_run_changes_nothing(
    ministack: Ministack, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = provision(declare(SYNC, MAIL), ministack.url, SECRETS)
    calls: list[str] = []
    ordinary = boto3.client

    def watched(*arguments: Any, **options: Any) -> Any:
        client = ordinary(*arguments, **options)
        client.meta.events.register("before-call", lambda model, **_: calls.append(model.name))
        return client

    monkeypatch.setattr(provisioning.boto3, "client", watched)
    caplog.set_level("INFO", "haste.provision")
    assert provision(declare(SYNC, MAIL), ministack.url, SECRETS) == first
    assert caplog.messages == []
    assert {name for name in calls if not name.startswith(("Get", "List"))} == set()


def test_what_is_changed_is_updated_and_what_is_gone_is_removed(ministack: Ministack) -> None:
    other = Function("other", "c.h", queue=Queue("other", listens=("EmailReceived",)))
    provision(declare(MAIL, other), ministack.url, SECRETS)
    assert MAIL.queue is not None
    changed = replace(MAIL, timeout=30, queue=replace(MAIL.queue, listens=("EmailAnalyzed",)))
    urls = provision(declare(changed), ministack.url, {"auth-private-keys": "new"}).queues
    with clients(ministack) as aws:
        put(aws["events"], "haste.email", "EmailReceived")
        put(aws["events"], "haste.email", "EmailAnalyzed")
        (event,) = received(aws["sqs"], urls["mail"])
        assert event["detail-type"] == "EmailAnalyzed"
        assert attributes(aws["sqs"], urls["mail"])["VisibilityTimeout"] == "180"
        rules = aws["events"].list_rules(EventBusName="haste")["Rules"]
        assert [rule["Name"] for rule in rules] == ["mail"]
        secret = aws["secretsmanager"].get_secret_value(SecretId="haste/auth-private-keys")
        assert secret["SecretString"] == "new"


@pytest.mark.parametrize(
    ("functions", "message"),
    [
        ((MAIL, replace(MAIL, name="twin")), "consumed by probe-twin and by another"),
        ((replace(SYNC, queue=Queue("q", ("A",), fifo=True)),), "cannot listen to events"),
        ((Function("a", "c.h", sends=("nowhere",)),), "sends to nowhere"),
    ],
)
def test_contradicting_declarations_are_refused(
    functions: tuple[Function, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        declared_queues(declare(*functions))


def stack(root: Path) -> StackConfig:
    return config(
        root,
        aws_url="http://127.0.0.1:1",
        database_urls={"crm_app": "postgresql://crm_app:pw@127.0.0.1:2/haste"},
        cache_url="redis://127.0.0.1:3",
        resources=Resources(
            {"email-sync": "http://q"}, "haste", "haste-mail", "alias/haste", {"auth-keys": "id"}
        ),
        settings={"GOOGLE_JWKS_URL": "http://jwks", "OTHER": "x"},
    )


def asked_for(root: Path, **options: Any) -> dict[str, str]:
    """What a function with these options gets beyond one that asks for nothing."""
    plain = environment_for(declare(Function("a", "c.h"))[0], stack(root))
    given = environment_for(declare(Function("a", "c.h", **options))[0], stack(root))
    return {name: value for name, value in given.items() if plain.get(name) != value}


def test_a_function_that_asks_for_nothing_gets_no_address_but_that_of_aws(tmp_path: Path) -> None:
    (declared,) = declare(Function("a", "c.h"))
    assert environment_for(declared, stack(tmp_path)) == {
        "HASTE_STAGE": "local",
        "HASTE_FUNCTION": "probe-a",
        "HASTE_LOG_LEVEL": "INFO",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "POWERTOOLS_SERVICE_NAME": "probe-a",
        "POWERTOOLS_METRICS_NAMESPACE": "hasteCRM",
    }


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            {"needs": frozenset({"database"}), "role": "crm_app"},
            {"HASTE_DATABASE_URL": "postgresql://crm_app:pw@127.0.0.1:2/haste"},
        ),
        ({"needs": frozenset({"cache"})}, {"HASTE_CACHE_URL": "redis://127.0.0.1:3"}),
        ({"needs": frozenset({"bucket"})}, {"HASTE_BUCKET": "haste-mail"}),
        ({"needs": frozenset({"bus"})}, {"HASTE_BUS": "haste"}),
        ({"needs": frozenset({"encryption"})}, {"HASTE_KMS_KEY": "alias/haste"}),
        ({"needs": frozenset({"egress"})}, {}),
        ({"sends": ("email-sync",)}, {"HASTE_QUEUE_EMAIL_SYNC": "http://q"}),
        ({"secrets": ("auth-keys",)}, {"HASTE_SECRET_AUTH_KEYS": "id"}),
        ({"writes_secrets": ("auth-keys",)}, {"HASTE_SECRET_AUTH_KEYS": "id"}),
        ({"env": ("GOOGLE_JWKS_URL", "UNSET")}, {"HASTE_GOOGLE_JWKS_URL": "http://jwks"}),
    ],
)
def test_a_function_gets_what_it_asks_for(
    options: dict[str, Any], expected: dict[str, str], tmp_path: Path
) -> None:
    assert asked_for(tmp_path, **options) == expected


@pytest.mark.parametrize(
    "options",
    [
        {"needs": frozenset({"database"})},
        {"sends": ("nowhere",)},
        {"secrets": ("unknown",)},
        {"writes_secrets": ("unknown",)},
    ],
)
def test_asking_for_what_is_not_there_names_the_function(
    options: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(LookupError, match="probe-a asks for"):
        asked_for(tmp_path, **options)


def test_the_stacks_configuration_survives_its_file_which_only_the_owner_reads(
    tmp_path: Path,
) -> None:
    saved = stack(tmp_path)
    path = save(saved)
    assert load(path) == saved
    assert path == config_path(saved.state)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_run_is_tuned_by_the_environment() -> None:
    environ = {"HASTE_LOCAL_CONCURRENCY": "3", "HASTE_LOCAL_RETRY_SECONDS": "0", "OTHER": "x"}
    assert tunables(environ) == {"concurrency": 3, "retry_seconds": 0}
