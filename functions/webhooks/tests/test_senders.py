"""Senders as processes of their own: several at once, and one that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from typing import Any

from functions.webhooks.tests.conftest import Hooks
from functions.webhooks.tests.receiver import Answer, Received, Receiver
from functions.webhooks.tests.test_api import created
from shared.testing import Workspace

_SENDER = """
import sys
from uuid import UUID
from functions.webhooks.consumers.sends import send_due
from functions.webhooks.models import DueEndpoint
sys.stdin.read()
send_due([DueEndpoint(workspace_id=UUID(sys.argv[1]), endpoint_id=UUID(sys.argv[2]))])
"""


def _sender(hooks: Hooks, endpoint: dict[str, Any]) -> subprocess.Popen[str]:
    """A process that sends what is due, as soon as it is told to."""
    hooks.as_role("crm_worker")
    argv = [sys.executable, "-W", "error", "-c", _SENDER, str(hooks.workspace.id), endpoint["id"]]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, text=True, env=dict(os.environ))


def _go(sender: subprocess.Popen[str]) -> None:
    assert sender.stdin is not None
    sender.stdin.close()


def test_two_senders_at_once_send_everything_once(
    hooks: Hooks, receiver: Receiver, workspace: Workspace
) -> None:
    endpoint = hooks.create(receiver)
    hooks.happen(*[created(workspace) for _ in range(25)])
    receiver.behave = lambda _: (time.sleep(0.02), Answer())[1]  # they shall overlap
    senders = [_sender(hooks, endpoint) for _ in range(3)]
    for sender in senders:
        _go(sender)
    assert [sender.wait(60) for sender in senders] == [0, 0, 0]
    assert len(receiver.received) == 25
    assert Counter(one.id for one in receiver.received).most_common(1)[0][1] == 1
    assert {one["state"] for one in hooks.deliveries(endpoint)} == {"delivered"}


def test_a_sender_killed_before_it_wrote_down_how_it_went_sends_twice_under_one_id(
    hooks: Hooks, receiver: Receiver, workspace: Workspace
) -> None:
    endpoint = hooks.create(receiver)
    hooks.happen(created(workspace))
    sender = _sender(hooks, endpoint)

    def kill(request: Received) -> Answer:
        sender.send_signal(signal.SIGKILL)
        sender.wait(60)
        return Answer()

    receiver.behave = kill
    _go(sender)
    assert sender.wait(60) == -signal.SIGKILL
    assert (hooks.delivery(endpoint)["state"], len(receiver.received)) == ("pending", 1)
    receiver.answer(204)
    hooks.tick("dispatch")
    hooks.send(endpoint)
    assert len(receiver.received) == 1, "for a while it is the dead sender's"
    hooks.pass_time(minutes=3, seconds=1)
    hooks.woken()
    hooks.tick("dispatch")
    assert hooks.woken() == [endpoint["id"]]
    hooks.send(endpoint)
    first, second = receiver.received
    assert (first.id, first.body) == (second.id, second.body)
    delivery = hooks.delivery(endpoint)
    assert (delivery["state"], delivery["attempts"], len(delivery["log"])) == ("delivered", 2, 1)
