"""The ports of one laptop stack: kept in its data folder, so that URLs stay the same."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from contextlib import suppress

from infra_cdk.local.state import State, free_port, write_atomically

GATEWAY_PORT = 8080
"""What people type; another one is taken where it is in use."""


class PortInUse(Exception):
    """Another program has the port that was asked for."""


def choose_ports(
    state: State, names: Sequence[str], *, gateway: int | None = None
) -> dict[str, int]:
    """A port for each name: those of the last run that are free still, new ones for the rest.

    Raises:
        PortInUse: the `gateway` port that was asked for is in use.
    """
    state.root.mkdir(parents=True, exist_ok=True)
    path = state.root / "ports.json"
    known: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    known.setdefault("gateway", GATEWAY_PORT)
    if gateway is not None:
        try:
            known["gateway"] = free_port(gateway)
        except RuntimeError as error:
            raise PortInUse(
                f"port {gateway} is in use by another program; end that, or choose another --port"
            ) from error
    ports: dict[str, int] = {}
    for name in names:
        ports[name] = _one(known.get(name), taken=ports.values())
    write_atomically(path, json.dumps(ports, indent=2) + "\n")
    return ports


def _one(wanted: int | None, taken: Collection[int]) -> int:
    """`wanted` if it is free, else any that is; never one of those `taken` just now."""
    with suppress(RuntimeError):
        if wanted is not None and wanted not in taken:
            return free_port(wanted)
    while (port := free_port()) in taken:
        pass
    return port
