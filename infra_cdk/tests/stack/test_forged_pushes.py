"""The webhook believes nobody but Google, and fails at nothing that Google may say."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from infra_cdk.local.stack import Stack
from infra_cdk.tests.polling import eventually
from infra_cdk.tests.stack import pushes
from infra_cdk.tests.stack.books import aws
from infra_cdk.tests.stack.logs import Logs

pytest_plugins = ["infra_cdk.tests.stack.fixtures"]
pytestmark = pytest.mark.stack

NOBODY = "nobody@acme.example"


@pytest.mark.parametrize(
    "changes",
    [
        {"algorithm": "none"},
        {"key": rsa.generate_private_key(public_exponent=65537, key_size=2048)},
        {"claims": {"aud": "https://elsewhere.example/webhooks/gmail"}},
        {"claims": {"email": "mallory@mallory.iam.gserviceaccount.com"}},
        {"claims": {"email_verified": False}},
        {"claims": {"iss": "https://accounts.mallory.example"}},
        {"claims": {"exp": 1_700_000_000, "iat": 1_699_996_400}},
    ],
    ids=["alg none", "bad signature", "audience", "email", "not verified", "issuer", "expired"],
)
def test_a_forged_push_is_refused_and_nothing_is_queued(
    stack: Stack, logs: Logs, changes: dict[str, object]
) -> None:
    push = pushes.forged(pushes.about(stack, NOBODY, "1"), **changes)
    answer = pushes.send(stack, push)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert not logs.has("email-sync", "no mailbox with this address")


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": ""}, {"Authorization": "Bearer"}, {"Authorization": "Bearer x.y.z"}],
)
def test_a_push_without_a_token_is_refused(stack: Stack, headers: dict[str, str]) -> None:
    body = pushes.about(stack, NOBODY, "1").body
    assert pushes.post(stack, body, headers).status_code == 401


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe not json",
        b"[" * 20_000,
        [],
        {"emailAddress": NOBODY},
        {"emailAddress": NOBODY, "historyId": None},
        {"emailAddress": NOBODY, "historyId": True},
        {"emailAddress": ["x"], "historyId": "1"},
        {"emailAddress": "x" * 5_000, "historyId": "1"},
        {"emailAddress": "\x00@acme.example", "historyId": "1"},
        {"emailAddress": "two\nlines@acme.example", "historyId": "1"},
    ],
    ids=repr,
)
def test_nonsense_from_google_is_acknowledged_and_noted(
    stack: Stack, logs: Logs, data: object
) -> None:
    assert pushes.send(stack, pushes.saying(stack, data)).status_code == 204
    assert eventually(lambda: logs.has("email-webhook", "push ignored"))
    assert logs.complaints() == []


@pytest.mark.parametrize(
    "body", [b"", b"null", b"{}", b"nonsense", b'{"message": 1}', b"\x00", b"x" * 100_000]
)
def test_a_body_that_is_no_envelope_is_acknowledged_and_noted(
    stack: Stack, logs: Logs, body: bytes
) -> None:
    assert pushes.send(stack, pushes.Push(body)).status_code == 204
    assert eventually(lambda: logs.has("email-webhook", "push ignored"))
    assert logs.complaints() == []


def test_a_push_about_a_mailbox_nobody_connected_ends_quietly(stack: Stack, logs: Logs) -> None:
    assert pushes.send(stack, pushes.about(stack, NOBODY, "17")).status_code == 204
    assert eventually(lambda: logs.has("email-sync", "no mailbox with this address"))
    assert logs.complaints() == []
    url = stack.config.resources.queues["email-sync-dlq"]
    left = aws(stack, "sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    assert left["Attributes"]["ApproximateNumberOfMessages"] == "0"
