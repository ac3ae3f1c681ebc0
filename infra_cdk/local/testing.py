"""Pytest fixtures for the real services, each started when a test first asks for it.

Loaded by `-p infra_cdk.local.testing`. Under pytest-xdist every worker has its own services; the
installed tools are shared by all workers and runs.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infra_cdk.local.state import PORTS, State, open_state

if TYPE_CHECKING:  # every test run loads this file, few need the services
    from infra_cdk.local.ministack import Ministack
    from infra_cdk.local.postgres import Postgres
    from infra_cdk.local.valkey import Valkey

_PORTS_EACH = 2_000


def pytest_configure() -> None:
    """Give each worker of this run ports of its own, and the programs that it starts."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if worker:
        first = 20_000 + int(worker) % 6 * _PORTS_EACH
        os.environ[PORTS] = f"{first}-{first + _PORTS_EACH - 1}"


@pytest.fixture(scope="session")
def service_state() -> Iterator[State]:
    """An empty data folder for this worker's services, with the checkout's tools."""
    folder = Path(tempfile.mkdtemp(prefix="haste-test-"))
    folder.chmod(0o711)  # run by root, Postgres is another user, who must reach its cluster
    yield State(folder, shared_tools=open_state().tools)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres(service_state: State) -> Iterator[Postgres]:
    """A real PostgreSQL 18 with pgvector: `postgres.url(user, database)`.

    Fast, not crash-safe. A role that a test creates can log in after `postgres.let_in(role)`.
    """
    from infra_cdk.local.postgres import launch

    server = launch(service_state, durable=False)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def valkey(service_state: State) -> Iterator[Valkey]:
    """A real Valkey in cluster mode: `valkey.url`. Two seconds to start."""
    from infra_cdk.local.valkey import launch
    from shared.cache import disconnect

    server = launch(service_state)
    yield server
    disconnect()
    server.stop()


@pytest.fixture(scope="session")
def ministack(service_state: State) -> Iterator[Ministack]:
    """SQS, EventBridge, S3, KMS and Secrets Manager: `ministack.url`, `ministack.environment`."""
    from infra_cdk.local.ministack import launch

    server = launch(service_state)
    yield server
    server.stop()
