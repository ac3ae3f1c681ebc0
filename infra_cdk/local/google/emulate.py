"""Starts `emulate`, the npm package that plays Gmail, OAuth, Calendar and Drive, and our proxy.

    google = launch(state, mailboxes=["ana@acme.example"], push=subscription)
    google.url, google.token("ana@acme.example")

Mail, labels, tokens and watches survive restarts of either process (`store.py`); Calendar, Drive,
filters, draft ids and history do not: after a restart of `emulate` an older history cursor gets
404, as Gmail may answer at any time.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from infra_cdk.local import node
from infra_cdk.local.google.settings import (
    UPSTREAM_TOKENS,
    OAuthClient,
    Subscription,
    access_token,
)
from infra_cdk.local.google.store import open_store
from infra_cdk.local.processes import Process, spawn, stop, wait_until_ready
from infra_cdk.local.state import State, free_port

_SEED = Path(__file__).with_name("seed.mjs")


@dataclass(frozen=True)
class Google:
    """A running Google; `url` stands for every one of its API hosts."""

    emulate: Process
    proxy: Process
    emulate_port: int
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def jwks_url(self) -> str:
        return f"{self.url}/oauth2/v3/certs"

    def token(self, mailbox: str) -> str:
        """An access token that is always good."""
        return access_token(mailbox)

    def stop(self) -> None:
        stop(self.proxy)
        stop(self.emulate)


def launch(
    state: State,
    *,
    mailboxes: Sequence[str],
    push: Subscription | None = None,
    oauth_clients: Sequence[OAuthClient] = (),
    port: int | None = None,
    emulate_port: int | None = None,
) -> Google:
    """Start both, installing `emulate` first if need be. Raises ServiceFailed."""
    port, emulate_port = port or free_port(), emulate_port or free_port()
    folder = state.data / "google"
    open_store(folder / "google.db", mailboxes).close()
    emulate = start_emulate(state, folder, emulate_port, f"http://127.0.0.1:{port}", oauth_clients)
    proxy = start_proxy(state, folder, emulate_port, port, push)
    return Google(emulate, proxy, emulate_port, port)


def start_emulate(
    state: State,
    folder: Path,
    port: int,
    public_url: str,
    oauth_clients: Sequence[OAuthClient] = (),
) -> Process:
    """The core alone; starts with the mail of the store in `folder`."""
    argv = [
        node.program(),
        node.install(state) / "node_modules" / "emulate" / "dist" / "index.js",
        *("start", "--service", "google", "--host", "127.0.0.1"),
        *("--port", str(port), "--base-url", public_url, "--config", str(_SEED)),
    ]
    process = spawn(state, "emulate", argv, env=_environment(folder, oauth_clients), cwd=folder)
    health = f"http://127.0.0.1:{port}/.well-known/openid-configuration"
    wait_until_ready(process, lambda: _answers(health), within_s=120)
    return process


def start_proxy(
    state: State, folder: Path, emulate_port: int, port: int, push: Subscription | None
) -> Process:
    """The proxy alone, in front of a running core."""
    argv = [
        *(sys.executable, "-m", "infra_cdk.local.google", "--port", str(port)),
        *("--upstream", f"http://127.0.0.1:{emulate_port}", "--data", str(folder)),
    ]
    if push:
        argv += [
            *("--push-endpoint", push.endpoint, "--push-audience", push.audience),
            *("--push-email", push.service_account, "--push-subscription", push.name),
        ]
    process = spawn(state, "google", argv)
    wait_until_ready(process, lambda: _answers(f"http://127.0.0.1:{port}/_health"))
    return process


def _environment(folder: Path, oauth_clients: Sequence[OAuthClient]) -> Mapping[str, str]:
    """What `seed.mjs` reads, and nothing of ours that the package need not see."""
    clients = [
        {
            "client_id": client.client_id,
            "client_secret": client.client_secret,
            "redirect_uris": client.redirect_uris,
            "name": client.name,
        }
        for client in oauth_clients
    ]
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "HASTE_GOOGLE_STORE": str(folder / "google.db"),
        "HASTE_GOOGLE_TOKENS": str(UPSTREAM_TOKENS),
        "HASTE_GOOGLE_CLIENTS": json.dumps(clients),
    }


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
