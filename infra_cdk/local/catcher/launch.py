"""Starts the catcher."""

from __future__ import annotations

import sys

import httpx

from infra_cdk.local.processes import Process, spawn
from infra_cdk.local.state import State


def start(state: State, *, port: int, smtp_port: int) -> Process:
    """Start it, its page on `port`. It still has the mails of earlier runs."""
    argv = [
        *(sys.executable, "-m", "infra_cdk.local.catcher"),
        *("--port", str(port), "--smtp-port", str(smtp_port)),
        *("--data", str(state.data / "mail")),
    ]
    return spawn(state, "catcher", argv)


def is_ready(port: int) -> bool:
    """Whether it takes mails: the page answers only once SMTP does."""
    try:
        url = f"http://127.0.0.1:{port}/messages.json"
        return httpx.get(url, timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False
