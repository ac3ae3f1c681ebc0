"""`haste bench sockets`: how soon clients hear of an event, with many connections open.

Workspaces of twenty connections, which is a team: an event is told to twenty. Its whole way goes
from the commit over bus and queue to the function that tells it and through the gateway; a queue on
a laptop adds some 50 ms to it. The second figure begins where that function is handed the event.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
from dataclasses import asdict, dataclass
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from infra_cdk.local.commands.console import console
from infra_cdk.local.commands.failure import CannotDo
from infra_cdk.local.commands.feedbench.workspaces import found
from infra_cdk.local.commands.machine import describe
from infra_cdk.local.commands.socketbench.crowd import signed_in
from infra_cdk.local.commands.socketbench.telling import Figures, measured
from infra_cdk.local.commands.starting import beside, empty, started
from infra_cdk.local.stack import Options

EACH = 20
"""Connections of a workspace, the most that its one member may have."""
_FILES_BESIDE = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of the command."""

    connections: int = 1000
    events: int = 100
    machine: bool = False


def bench_sockets(asked: Asked) -> None:
    """Run the benchmark.

    Raises:
        CannotDo: a connection was refused, or an event did not reach everybody.
    """
    screen = console(machine=asked.machine)
    load = os.getloadavg()[0]
    _allow_files(asked.connections + _FILES_BESIDE)
    each = min(EACH, asked.connections)
    with started(screen, empty(beside("bench")), Options()) as stack:
        workspaces = found(stack.database_url(), max(1, asked.connections // each))
        with (
            signed_in(stack.database_url(), workspaces) as places,
            screen.status(f"Opening {len(places) * each:,} connections and telling them…"),
        ):
            figures = asyncio.run(measured(stack, places, each, asked.events))
    environment = describe(load)
    _show(screen, figures, environment)
    if asked.machine:
        typer.echo(json.dumps(_machine(figures, environment)))


def _allow_files(count: int) -> None:
    """Let us, and the gateway that we start, have so many files open: each connection is one.

    Raises:
        CannotDo: the system allows fewer.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= count:
        return
    if hard != resource.RLIM_INFINITY and hard < count:
        raise CannotDo(f"This takes {count} open files; the system allows {hard} (ulimit -Hn).")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def _machine(figures: Figures, environment: dict[str, Any]) -> dict[str, Any]:
    """What `--json` prints. Others read these keys: they are never changed, only added to."""
    return {"environment": environment, **asdict(figures)}


def _show(screen: Console, figures: Figures, environment: dict[str, Any]) -> None:
    rows = Table(title="haste bench sockets", title_justify="left", box=None)
    rows.add_column("Until a client has it", no_wrap=True)
    for name in ("p50 ms", "p95 ms", "p99 ms", "the last, p95 ms"):
        rows.add_column(name, justify="right", no_wrap=True)
    for name, one in (
        ("Committed, over bus and queue", figures.committed_to_client),
        ("Received by the fan-out", figures.fan_out_to_client),
        ("The same, all workspaces at once", figures.at_once),
    ):
        times = (one.p50_ms, one.p95_ms, one.p99_ms, one.whole_p95_ms)
        rows.add_row(name, *(f"{ms:,.1f}" for ms in times))
    screen.print()
    screen.print(rows)
    screen.print(
        f"{figures.connections:,} connections of {figures.workspaces} workspaces, opened at "
        f"{figures.opened_per_s:,.0f} a second, in one process of clients; "
        f"{figures.committed_to_client.events} events, ten a second at most, each told to all "
        f"connections of its workspace; all at once it is {figures.messages_per_s:,.0f} messages a "
        "second."
    )
    screen.print(", ".join(f"{what} {value}" for what, value in environment.items()))
