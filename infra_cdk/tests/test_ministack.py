"""ministack: on loopback, away from our environment, and what it keeps over stops and kills."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

from infra_cdk.local import ministack as launcher
from infra_cdk.local.ministack import Ministack
from infra_cdk.local.processes import ServiceFailed
from infra_cdk.local.state import State, open_state


@contextmanager
def client(service: str, server: Ministack) -> Iterator[Any]:
    make: Any = boto3.client  # its stubs know each service by name; here any may come
    made = make(
        service,
        endpoint_url=server.url,
        region_name=launcher.REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    yield made
    made.close()


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path, shared_tools=open_state().tools)


def test_a_message_sent_is_received(ministack: Ministack) -> None:
    with client("sqs", ministack) as sqs:
        queue = sqs.create_queue(QueueName="round-trip")["QueueUrl"]
        sqs.send_message(QueueUrl=queue, MessageBody="hello")
        answer = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)
    assert [message["Body"] for message in answer["Messages"]] == ["hello"]


def test_it_listens_on_loopback_only(ministack: Ministack) -> None:
    sockets = psutil.Process(ministack.process.pid).net_connections("inet")
    assert {s.laddr.ip for s in sockets if s.status == psutil.CONN_LISTEN} == {"127.0.0.1"}


def test_it_sees_nothing_of_our_environment(ministack: Ministack) -> None:
    environment = psutil.Process(ministack.process.pid).environ()
    assert "PYTEST_CURRENT_TEST" not in environment
    assert environment["BIND_HOST"] == "127.0.0.1"


def test_queues_and_keys_written_by_one_clean_stop_survive_a_kill(state: State) -> None:
    first = launcher.launch(state)
    with client("sqs", first) as sqs, client("kms", first) as kms, client("s3", first) as s3:
        sqs.create_queue(QueueName="email-sync.fifo", Attributes={"FifoQueue": "true"})
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        sealed = kms.encrypt(KeyId=key, Plaintext=b"data key")["CiphertextBlob"]
        s3.create_bucket(Bucket="mail")
    first.stop()
    assert not first.process.alive()

    second = launcher.launch(state, port=first.port)
    with client("s3", second) as s3:
        s3.put_object(Bucket="mail", Key="raw", Body=b"kept at once")
    os.kill(second.process.pid, signal.SIGKILL)
    second.process.popen.wait()

    third = launcher.launch(state, port=first.port)
    try:
        with client("sqs", third) as sqs, client("kms", third) as kms, client("s3", third) as s3:
            assert sqs.get_queue_url(QueueName="email-sync.fifo")["QueueUrl"]
            assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"data key"
            assert s3.get_object(Bucket="mail", Key="raw")["Body"].read() == b"kept at once"
    finally:
        third.stop()


def test_a_port_that_is_taken_is_reported(ministack: Ministack, state: State) -> None:
    with pytest.raises(RuntimeError, match="is in use"):
        launcher.launch(state, port=ministack.port)


def test_it_is_installed_once(state: State) -> None:
    folder = launcher.install(state)
    made = folder.stat().st_ctime_ns
    assert launcher.install(state) == folder
    assert folder.stat().st_ctime_ns == made


def test_a_package_that_differs_from_its_hash_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forged = tmp_path / "requirements.txt"
    forged.write_text(f"six==1.17.0 --hash=sha256:{'0' * 64}\n")
    monkeypatch.setattr(launcher, "_REQUIREMENTS", forged)
    with pytest.raises(ServiceFailed, match=r"(?i)hash"):
        launcher.install(State(tmp_path))
