"""Targets that lead inside, change their minds or are down for a day: what the log tells."""

from __future__ import annotations

import json
import socket
from datetime import datetime, timedelta
from typing import Any

import pytest

from functions.webhooks.tests.conftest import Hooks
from functions.webhooks.tests.receiver import Receiver
from functions.webhooks.tests.test_api import created
from shared.testing import EventsOf, Workspace

HOST = "hooks.example.com"


class Names:
    """What the name of the target leads to, from one look to the next; the last one stays."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.found: list[str] = []
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._resolve)

    def _resolve(self, host: Any, port: Any, *given: Any, **named: Any) -> Any:
        if host != HOST:
            return self._real(host, port, *given, **named)
        address = self.found.pop(0) if len(self.found) > 1 else self.found[0]
        return self._real(address, port, *given, **named)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """The target is let through as a name; its addresses are what they are."""
    monkeypatch.setenv("HASTE_WEBHOOK_ALLOW", f"127.0.0.1/32,{HOST}")
    return Names(monkeypatch)


def _url(receiver: Receiver) -> str:
    return f"http://{HOST}:{receiver.port}/hook"


def _log(hooks: Hooks, endpoint: dict[str, Any]) -> list[tuple[int | None, str | None]]:
    return [(one["status"], one["error"]) for one in hooks.delivery(endpoint)["log"]]


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "192.168.7.9", "169.254.169.254", "127.0.0.2", "::1", "fd00::7"]
)
def test_a_name_that_leads_inside_is_not_called_and_nobody_is_told_where(
    hooks: Hooks, receiver: Receiver, workspace: Workspace, names: Names, address: str
) -> None:
    names.found = [address]
    endpoint = hooks.create(_url(receiver))
    hooks.happen(created(workspace))
    hooks.send(endpoint)
    delivery = hooks.delivery(endpoint)
    assert (delivery["state"], delivery["reason"]) == ("pending", "address_not_public")
    assert _log(hooks, endpoint) == [(None, "address_not_public")]
    assert address not in json.dumps(delivery)
    assert receiver.received == []


def test_a_name_that_leads_inside_from_the_second_look_on(
    hooks: Hooks, receiver: Receiver, workspace: Workspace, names: Names
) -> None:
    """DNS rebinding: each attempt looks once, and goes where that look was judged to lead."""
    names.found = ["127.0.0.1", "10.0.0.1"]
    endpoint = hooks.create(_url(receiver))
    receiver.answer(500)
    hooks.happen(created(workspace))
    hooks.send(endpoint)
    assert len(receiver.received) == 1
    receiver.answer(204)
    hooks.pass_time(minutes=1)
    hooks.send(endpoint)
    assert _log(hooks, endpoint) == [(500, None), (None, "address_not_public")]
    assert len(receiver.received) == 1
    names.found = ["127.0.0.1"]
    hooks.pass_time(hours=1)
    hooks.send(endpoint)
    assert hooks.delivery(endpoint)["state"] == "delivered"
    assert _log(hooks, endpoint)[-1] == (204, None)


def test_who_is_down_for_a_day_has_everything_when_they_are_back(
    hooks: Hooks, receiver: Receiver, workspace: Workspace, events_of: EventsOf
) -> None:
    """Nothing is given up or disabled; each message comes once more after that, under its id."""
    endpoint = hooks.create(receiver)
    receiver.answer(503)
    missed = [created(workspace) for _ in range(3)]
    hooks.happen(*missed)
    passed = timedelta()
    while passed < timedelta(days=1):
        hooks.send(endpoint)
        first = hooks.deliveries(endpoint)[0]
        ended = datetime.fromisoformat(first["log"][-1]["at"])
        wait = datetime.fromisoformat(first["due_at"]) - ended
        # All three are due by then: what the table adds at random is a fifth at most, and 30 s.
        step = wait * 1.2 + timedelta(seconds=31)
        passed += step
        hooks.pass_time(seconds=step.total_seconds())
    failed = len(receiver.received)
    receiver.answer(204)
    hooks.send(endpoint)
    assert {one.id for one in receiver.received[failed:]} == {str(one.id) for one in missed}
    assert len(receiver.received) == failed + 3
    for delivery in hooks.deliveries(endpoint):
        assert (delivery["state"], delivery["reason"]) == ("delivered", None)
        told = [(one["status"], one["error"]) for one in delivery["log"]]
        assert len(told) == delivery["attempts"] > 5
        assert told == [(503, None)] * (len(told) - 1) + [(204, None)]
    after = hooks.endpoint(endpoint)
    assert (after["enabled"], after["failing_since"]) == (True, None)
    assert "WebhookEndpointDisabled" not in [one["type"] for one in events_of(workspace)]
    hooks.send(endpoint)
    assert len(receiver.received) == failed + 3
