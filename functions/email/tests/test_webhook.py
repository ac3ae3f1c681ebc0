"""The Gmail webhook, through its real handler: nothing but a push of ours gets onto the queue."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from functions.email import webhook
from functions.email.tests.conftest import Queues, lines
from functions.email.tests.test_oidc import (
    AUDIENCE,
    EMAIL,
    STRANGERS_KEY,
    KeyServer,
    key_server,
    signed,
)
from infra_cdk.local.google.testing import SUBSCRIPTION
from shared.testing import LambdaContext

__all__ = ["key_server"]  # a fixture

ADDRESS = "ana@acme.example"
Push = Callable[..., dict[str, Any]]
STRANGE_DATA: list[Any] = [5, 0, True, [], {}, "", "%", "\u00e9", "e30="]
STRANGE_IDS: list[Any] = [None, True, 1.5, [], {}, "\u0661"]
STRANGE_ADDRESSES: list[Any] = [None, 7, [], "", "nobody", "a b@c", "a@" + "b" * 400]


@pytest.fixture
def push(key_server: KeyServer, queues: Queues, monkeypatch: pytest.MonkeyPatch) -> Push:
    """Calls the handler with what API Gateway sends for a push; parts may be replaced."""
    monkeypatch.setenv("HASTE_GOOGLE_JWKS_URL", key_server.url)
    monkeypatch.setenv("HASTE_PUSH_AUDIENCE", AUDIENCE)
    monkeypatch.setenv("HASTE_PUSH_EMAIL", EMAIL)
    monkeypatch.setenv("HASTE_PUSH_SUBSCRIPTION", SUBSCRIPTION)

    def send(body: Any = ..., *, token: str | None = None, **parts: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {signed() if token is None else token}"}
        event: dict[str, Any] = {
            "resource": "/webhooks/gmail",
            "path": "/webhooks/gmail",
            "httpMethod": "POST",
            "headers": headers,
            "requestContext": {"requestId": str(uuid4())},
            "body": envelope() if body is ... else body,
            "isBase64Encoded": False,
            **parts,
        }
        return webhook.handler(event, LambdaContext())  # pyright: ignore[reportArgumentType]

    return send


def data(address: Any = ADDRESS, history_id: Any = "1234") -> str:
    notice = json.dumps({"emailAddress": address, "historyId": history_id})
    return base64.b64encode(notice.encode()).decode()


def envelope(encoded: Any = None, **changes: Any) -> str:
    message = {
        "data": data() if encoded is None else encoded,
        "messageId": "2070443601311540",
        "message_id": "2070443601311540",
        "publishTime": "2026-02-26T19:13:55.749Z",
        "publish_time": "2026-02-26T19:13:55.749Z",
    }
    return json.dumps({"message": message, "subscription": SUBSCRIPTION, **changes})


def test_a_push_puts_the_address_on_the_queue(push: Push, queues: Queues) -> None:
    answer = push()
    assert (answer["statusCode"], answer["body"]) == (204, "")
    assert [json.loads(body) for body in queues.sync.take()] == [{"address": ADDRESS}]


def test_the_same_push_again_is_dropped_and_a_newer_one_is_not(push: Push, queues: Queues) -> None:
    for history_id in ("1", "1", 1, "2", 1):
        assert push(envelope(data(history_id=history_id)))["statusCode"] == 204
    assert len(queues.sync.take()) == 2


def test_the_address_is_compared_in_lower_case(push: Push, queues: Queues) -> None:
    push(envelope(data("Ana@ACME.example")))
    assert json.loads(queues.sync.take()[0]) == {"address": ADDRESS}


def test_every_spelling_of_base64_and_of_numbers_is_read(push: Push, queues: Queues) -> None:
    notice = json.dumps(
        {"emailAddress": ADDRESS, "historyId": 2**64 - 1, "x": "\u00ff\u00fe?>~"},
        ensure_ascii=False,
    ).encode("utf-8")
    plain, url_safe = base64.b64encode(notice).decode(), base64.urlsafe_b64encode(notice).decode()
    assert plain != url_safe
    for n, encoded in enumerate((plain, plain.rstrip("="), url_safe, url_safe.rstrip("="))):
        assert push(envelope(encoded))["statusCode"] == 204
        assert len(queues.sync.take()) == (1 if n == 0 else 0)  # all say the same


def test_a_body_that_api_gateway_encoded_is_read(push: Push, queues: Queues) -> None:
    encoded = base64.b64encode(envelope().encode()).decode()
    assert push(encoded, isBase64Encoded=True)["statusCode"] == 204
    assert len(queues.sync.take()) == 1


@pytest.mark.parametrize(
    "token",
    [
        lambda: "",
        lambda: "nonsense",
        lambda: "a.b.c",
        lambda: signed(STRANGERS_KEY),
        lambda: signed(kid="unknown"),
        lambda: signed(kid=None),
        lambda: signed(key="", alg="none"),
        lambda: signed(key="s" * 64, alg="HS256"),
        lambda: signed(aud="https://crm.example/webhooks/gmail/"),
        lambda: signed(aud=[AUDIENCE]),
        lambda: signed(iss="https://accounts.google.com.evil.example"),
        lambda: signed(email="push@other.iam.gserviceaccount.com"),
        lambda: signed(email_verified=False),
        lambda: signed(email_verified="true"),
        lambda: signed(email_verified=...),
        lambda: signed(exp=1),
        lambda: signed(exp=...),
        lambda: signed(iat=2**40),
        lambda: signed()[:-4] + "AAAA",
        lambda: signed() + "." + "x" * 100_000,
        lambda: "\u0000\u00e9" * 10,
    ],
)
def test_a_forged_token_gets_401_and_reaches_nothing(
    push: Push,
    queues: Queues,
    token: Callable[[], str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    forged = token()
    answer = push(token=forged)
    assert answer["statusCode"] == 401
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert json.loads(answer["body"])["code"] == "unauthorized"
    assert queues.sync.take() == []
    logged = capfd.readouterr().out
    assert [line["message"] for line in lines(logged)] == ["push refused"]
    _no_secret_in(logged + answer["body"], forged)


def _no_secret_in(text: str, token: str) -> None:
    for part in token.split("."):
        if len(part) > 8:
            assert part not in text


@pytest.mark.parametrize(
    "headers",
    [None, {}, {"Authorization": ""}, {"Authorization": "Bearer"}, {"Authorization": "Basic eDp5"}],
)
def test_without_a_bearer_token_it_is_401(
    push: Push, queues: Queues, headers: dict[str, str] | None
) -> None:
    assert push(headers=headers)["statusCode"] == 401
    assert queues.sync.take() == []


def test_header_names_and_the_scheme_are_read_in_any_case(push: Push, queues: Queues) -> None:
    assert push(headers={"aUTHORIZATION": f"bEARER {signed()}"})["statusCode"] == 204
    assert len(queues.sync.take()) == 1


@pytest.mark.parametrize(
    "body",
    [
        "",
        "x",
        "null",
        "[]",
        '"text"',
        "7",
        "[" * 50_000,
        "1" * 5_000,
        "{}",
        json.dumps({"subscription": SUBSCRIPTION}),
        json.dumps({"subscription": SUBSCRIPTION, "message": None}),
        json.dumps({"subscription": SUBSCRIPTION, "message": []}),
        json.dumps({"subscription": SUBSCRIPTION, "message": "x"}),
        json.dumps({"subscription": SUBSCRIPTION, "message": {}}),
        envelope(subscription="projects/other/subscriptions/gmail"),
        envelope(subscription=None),
        *map(envelope, STRANGE_DATA),
        envelope(base64.b64encode(b"\xff\xfe").decode()),
        envelope(base64.b64encode(b"[" * 30_000).decode()),
        envelope(base64.b64encode(b'["emailAddress", "historyId"]').decode()),
        *[envelope(data(history_id=one)) for one in STRANGE_IDS],
        *[envelope(data(one)) for one in STRANGE_ADDRESSES],
        envelope(data("\ud800@acme.example")),
        "\ud800",
        "x" * (64 * 1024 + 1),
        envelope("A" * 70_000),
    ],
)
def test_nonsense_in_a_push_of_ours_is_acknowledged_and_logged(
    push: Push, queues: Queues, body: str, capfd: pytest.CaptureFixture[str]
) -> None:
    token = signed()
    answer = push(body, token=token)
    if answer["statusCode"] != 204 or queues.sync.take():
        pytest.fail(f"{answer} for {body[:200]!r}")
    logged = capfd.readouterr().out
    assert [(line["level"], line["message"]) for line in lines(logged)] == [
        ("WARNING", "push ignored")
    ]
    assert len(logged) < 2_000
    _no_secret_in(logged, token)


def test_a_body_that_is_not_base64_is_acknowledged(push: Push, queues: Queues) -> None:
    for body in ("x", "\u00e9", "////", base64.b64encode(b"\xff").decode()):
        assert push(body, isBase64Encoded=True)["statusCode"] == 204
    assert push(None)["statusCode"] == 204
    assert queues.sync.take() == []


def test_a_mailbox_that_nobody_connected_is_acknowledged(push: Push, queues: Queues) -> None:
    """Whose it is, is found out behind the queue: here is no database."""
    assert push(envelope(data("stranger@nowhere.example")))["statusCode"] == 204
    assert len(queues.sync.take()) == 1


def test_a_queue_that_does_not_answer_makes_google_try_again(
    push: Push, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HASTE_QUEUE_EMAIL_SYNC", "http://127.0.0.1:9/queue/none.fifo")
    token = signed()
    answer = push(token=token)
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (503, "unavailable")
    _no_secret_in(capfd.readouterr().out + answer["body"], token)


def test_keys_that_cannot_be_read_make_google_try_again(
    push: Push, key_server: KeyServer, queues: Queues, capfd: pytest.CaptureFixture[str]
) -> None:
    key_server.status = 500
    token = signed()
    assert push(token=token)["statusCode"] == 503
    assert queues.sync.take() == []
    _no_secret_in(capfd.readouterr().out, token)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", None])
def test_only_post_is_served(push: Push, queues: Queues, method: str | None) -> None:
    assert push(httpMethod=method)["statusCode"] == 405
    assert queues.sync.take() == []


def test_it_needs_neither_database_nor_web_framework() -> None:
    """Google waits for an answer: what this function imports is what a cold start costs."""
    import subprocess
    import sys

    program = (
        "import sys, functions.email.webhook\n"
        "heavy = {'fastapi', 'psycopg', 'boto3', 'httpx', 'mangum', 'starlette', 'redis'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
