"""Pytest fixtures of a running Google: `pytest_plugins = ["infra_cdk.local.google.fixtures"]`."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator

import pytest

from infra_cdk.local.google.emulate import Google, launch
from infra_cdk.local.google.settings import OAuthClient, Subscription
from infra_cdk.local.google.testing import (
    AUDIENCE,
    CLIENT_ID,
    CLIENT_SECRET,
    MAILBOXES,
    PUSH_EMAIL,
    REDIRECT_URI,
    SIGN_IN_URI,
    SUBSCRIPTION,
    Webhook,
    calm,
)
from infra_cdk.local.state import State


@pytest.fixture(scope="session")
def webhook() -> Iterator[Webhook]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            hook.received.append((self.headers["authorization"], body))
            self.send_response(hook.answers.pop(0) if hook.answers else 204)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hook = Webhook(f"http://127.0.0.1:{server.server_port}/webhooks/gmail")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield hook
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def running_google(service_state: State, webhook: Webhook) -> Iterator[Google]:
    google = launch(
        service_state,
        mailboxes=MAILBOXES,
        push=Subscription(webhook.url, AUDIENCE, PUSH_EMAIL, SUBSCRIPTION),
        oauth_clients=[OAuthClient(CLIENT_ID, CLIENT_SECRET, (REDIRECT_URI, SIGN_IN_URI))],
    )
    yield google
    google.stop()


@pytest.fixture
def google(running_google: Google) -> Iterator[Google]:
    """A real emulator behind the proxy, without faults and quota at the start of each test."""
    yield running_google
    calm(running_google)
