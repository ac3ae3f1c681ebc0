"""`haste bench feed`: events a second, written and read.

Writers of one workspace wait for each other at its feed, from the last statement to the commit;
that is what keeps the feed without holes, and what it costs. Writers of many workspaces do not.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from infra_cdk.local import ministack
from infra_cdk.local.commands.apibench.place import opened
from infra_cdk.local.commands.console import console, telling
from infra_cdk.local.commands.feedbench.reading import Read, read
from infra_cdk.local.commands.feedbench.workspaces import HUNDRED, fill, found
from infra_cdk.local.commands.feedbench.writing import Written, written
from infra_cdk.local.commands.machine import describe
from infra_cdk.local.commands.starting import beside, empty


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of the command."""

    events: int = 100_000
    seconds: float = 10.0
    machine: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured."""

    one_workspace: Written
    hundred_workspaces: Written
    read: Read


def bench_feed(asked: Asked) -> None:
    """Run the benchmark: reading first, then writing, which leaves events unpublished.

    Raises:
        CannotDo: a call was not answered with success, or a feed has a hole.
    """
    screen = console(machine=asked.machine)
    load = os.getloadavg()[0]
    state = empty(beside("bench"))
    with screen.status("Looking for ministack; the first time it is installed…"):
        ministack.install(state)
    with telling(screen), opened(state) as place:
        with screen.status(f"Making {2 * asked.events:,} events…"):
            large, *others = found(place.database_url(), 1 + HUNDRED)
            fill(place.database_url(), large, others, asked.events)
        with screen.status("Reading…"):
            pages = read(place, large)
        with screen.status("Writing into one workspace…"):
            one = written(place, [large], asked.seconds)
        with screen.status(f"Writing into {HUNDRED} workspaces…"):
            hundred = written(place, others, asked.seconds)
    figures, environment = Figures(one, hundred, pages), describe(load)
    _show(screen, figures, environment)
    if asked.machine:
        typer.echo(json.dumps(_machine(figures, environment)))


def _machine(figures: Figures, environment: dict[str, Any]) -> dict[str, Any]:
    """What `--json` prints. Others read these keys: they are never changed, only added to."""
    return {"environment": environment, **asdict(figures)}


def _show(screen: Console, figures: Figures, environment: dict[str, Any]) -> None:
    rows = Table(title="haste bench feed", title_justify="left", box=None)
    rows.add_column("Events", no_wrap=True)
    for name in ("Per s", "p50 ms", "p95 ms", "p99 ms"):
        rows.add_column(name, justify="right", no_wrap=True)
    pages = figures.read
    for name, one in (
        ("Written into one workspace", figures.one_workspace),
        (f"Written into {HUNDRED} workspaces", figures.hundred_workspaces),
        (f"Read in pages of {pages.page}", pages),
    ):
        per_s = f"{one.events_per_s:,.0f}"
        rows.add_row(name, per_s, f"{one.p50_ms:.1f}", f"{one.p95_ms:.1f}", f"{one.p99_ms:.1f}")
    screen.print()
    screen.print(rows)
    screen.print(
        f"Written: {figures.one_workspace.connections} processes, each with a connection, create "
        f"contacts for {figures.one_workspace.seconds:g} s, each in a transaction of its own that "
        "ends in one event and waits for the disk; times are a transaction's. Read: the handler's "
        f"own time for a page from anywhere among {pages.events:,} events, on one core; a poll "
        f"that finds nothing new takes {pages.poll_p50_ms:.1f} ms, p95 {pages.poll_p95_ms:.1f}."
    )
    screen.print(", ".join(f"{what} {value}" for what, value in environment.items()))
