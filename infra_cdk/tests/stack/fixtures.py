"""Fixtures of the stack's tests: `pytest_plugins = ["infra_cdk.tests.stack.fixtures"]`.

One stack serves a whole session; tests keep apart as customers do, each in its own workspace with
mailboxes of its own.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from infra_cdk.local.stack import Options, Stack, running
from infra_cdk.local.state import State, free_port, open_state
from infra_cdk.tests.stack import books
from infra_cdk.tests.stack.logs import Logs
from infra_cdk.tests.stack.team import Post, Team, signed_up

MAILBOXES = tuple(f"box{number}@acme.example" for number in range(48))
_VISIBILITY_S = 12
"""How long a message that a killed runner had taken stays away; minutes, in earnest."""


def options() -> Options:
    """How these tests start a stack: retries after a second instead of minutes."""
    return Options(mailboxes=MAILBOXES, port=free_port(), retry_seconds=1, durable=False)


def hurry_queues(stack: Stack) -> None:
    """Shorten how long messages stay hidden that were being handled when everything stopped."""
    for url in stack.config.resources.queues.values():
        books.aws(stack, "sqs").set_queue_attributes(
            QueueUrl=url, Attributes={"VisibilityTimeout": str(_VISIBILITY_S)}
        )


@pytest.fixture
def home() -> Iterator[State]:
    """An empty data folder, with the checkout's tools."""
    yield from _home()


def _home() -> Iterator[State]:
    folder = Path(tempfile.mkdtemp(prefix="haste-stack-"))
    folder.chmod(0o711)  # run by root, Postgres is another user, who must reach its cluster
    yield State(folder, shared_tools=open_state().tools)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    for state in _home():
        with running(state, options()) as started:
            hurry_queues(started)
            yield started


@pytest.fixture(scope="session")
def _addresses() -> Iterator[str]:
    return iter(MAILBOXES)


@pytest.fixture
def address(_addresses: Iterator[str]) -> Callable[[], str]:
    """Gives an address that no other test uses."""
    return lambda: next(_addresses)


@pytest.fixture
def new_team(stack: Stack) -> Iterator[Callable[[], Team]]:
    """Makes workspaces."""
    with ExitStack() as closing:
        yield lambda: closing.enter_context(signed_up(stack))


@pytest.fixture
def team(new_team: Callable[[], Team]) -> Team:
    """A workspace of this test's own."""
    return new_team()


@pytest.fixture
def post(team: Team, address: Callable[[], str]) -> Post:
    """Its first mailbox, empty and connected."""
    return team.connect(address())


@pytest.fixture(autouse=True)
def _calm(stack: Stack) -> Iterator[None]:
    yield
    httpx.delete(f"{stack.google_url}/_faults", trust_env=False)


@pytest.fixture
def logs(stack: Stack) -> Logs:
    """What the stack writes from now on."""
    return Logs.from_now(stack.state.logs)


