"""Fixtures of the stack's tests: `pytest_plugins = ["infra_cdk.tests.stack.fixtures"]`.

One stack serves a whole session; tests keep apart as customers do, each in its own workspace with
mailboxes of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest

from infra_cdk.local.stack import Stack, running
from infra_cdk.local.state import State
from infra_cdk.tests.stack.kills import Killer
from infra_cdk.tests.stack.logs import Logs
from infra_cdk.tests.stack.start import MAILBOXES, hurry_queues, new_home, options
from infra_cdk.tests.stack.team import Post, Team, signed_up


@pytest.fixture
def home() -> Iterator[State]:
    """An empty data folder, with the checkout's tools."""
    with new_home() as state:
        yield state


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with new_home() as state, running(state, options()) as started:
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
    """Makes workspaces. Gmail is well again afterwards."""
    with ExitStack() as closing:
        yield lambda: closing.enter_context(signed_up(stack))
    httpx.delete(f"{stack.google_url}/_faults", trust_env=False)


@pytest.fixture
def team(new_team: Callable[[], Team]) -> Team:
    """A workspace of this test's own."""
    return new_team()


@pytest.fixture
def post(team: Team, address: Callable[[], str]) -> Post:
    """Its first mailbox, empty and connected."""
    return team.connect(address())


@pytest.fixture
def logs(stack: Stack) -> Logs:
    """What the stack writes from now on."""
    return Logs.from_now(stack.state.logs)


@pytest.fixture(scope="session")
def killer(stack: Stack) -> Killer:
    return Killer(stack)
