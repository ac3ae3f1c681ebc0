"""`haste bench sockets`."""

from __future__ import annotations

import asyncio
import json

import pytest

from infra_cdk.local.commands.failure import CannotDo
from infra_cdk.local.commands.socketbench import crowd as crowds
from infra_cdk.local.commands.socketbench.crowd import Crowd
from infra_cdk.tests.demos import empty_home, haste

FIRST_KEYS = [
    "environment",
    "connections",
    "workspaces",
    "opened_per_s",
    "committed_to_client",
    "fan_out_to_client",
    "at_once",
    "messages_per_s",
]
FIRST_KEYS_OF_TOLD = ["events", "messages", "p50_ms", "p95_ms", "p99_ms", "whole_p95_ms"]


@pytest.mark.stack
@pytest.mark.timeout(600)
def test_it_measures_what_it_says() -> None:
    with empty_home() as home:
        chosen = ("--connections", "60", "--events", "6")
        done = haste("bench", "sockets", *chosen, "--json", home=home)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert list(figures)[: len(FIRST_KEYS)] == FIRST_KEYS
    assert (figures["connections"], figures["workspaces"]) == (60, 3)
    assert figures["environment"]["cores"] >= 1
    assert figures["opened_per_s"] > 0
    for name, events in (("committed_to_client", 6), ("fan_out_to_client", 6), ("at_once", 3)):
        told = figures[name]
        assert list(told)[: len(FIRST_KEYS_OF_TOLD)] == FIRST_KEYS_OF_TOLD
        assert (told["events"], told["messages"]) == (events, 20 * events)
        assert 0 < told["p50_ms"] <= told["p95_ms"] <= told["p99_ms"]
        assert told["p50_ms"] <= told["whole_p95_ms"]
    assert figures["messages_per_s"] > 0
    assert "Received by the fan-out" in done.stderr


def test_a_message_that_does_not_come_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowds, "_PATIENCE_S", 0.05)
    crowd = Crowd(heard={"a": [1.0, 1.1], "b": [1.0]})
    asyncio.run(crowd.until_heard(["a"], 2))
    with pytest.raises(CannotDo, match="1 of 3 events were not told"):
        asyncio.run(crowd.until_heard(["a", "b", "a"], 2))
