"""`haste bench api`: how long a handler takes for a request, among many contacts."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from infra_cdk.local import ministack
from infra_cdk.local.commands.apibench.measuring import Figures, measured
from infra_cdk.local.commands.apibench.people import NEIGHBOURS, settle
from infra_cdk.local.commands.apibench.place import opened
from infra_cdk.local.commands.apibench.rows import FEW, MOST_CALLS, ROWS, USUAL
from infra_cdk.local.commands.console import console, telling
from infra_cdk.local.commands.machine import describe
from infra_cdk.local.commands.starting import beside, empty


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of the command."""

    contacts: int = 10_000
    calls: int = MOST_CALLS
    machine: bool = False


def bench_api(asked: Asked) -> None:
    """Run the benchmark: each row in a process of its own, one after another.

    Raises:
        CannotDo: a call was not answered with success.
    """
    screen = console(machine=asked.machine)
    load = os.getloadavg()[0]
    state = empty(beside("bench"))
    with screen.status("Looking for ministack; the first time it is installed…"):
        ministack.install(state)
    with telling(screen), opened(state) as place:
        with screen.status(f"Making {2 * asked.contacts:,} contacts…"):
            workspace = settle(place.database_url(), asked.contacts)
        figures: list[Figures] = []
        for row in ROWS:
            with screen.status(f"Measuring: {row.name}…"):
                figures.append(measured(place, workspace, row, most=asked.calls))
            screen.print(f"  [green]✓[/] {row.name}: p95 {figures[-1].p95_ms} ms")
    environment = describe(load)
    _show(screen, figures, asked, environment)
    if asked.machine:
        typer.echo(json.dumps(_machine(figures, asked.contacts, environment)))


def _machine(
    figures: Sequence[Figures], contacts: int, environment: dict[str, Any]
) -> dict[str, Any]:
    """What `--json` prints. Others read these keys: they are never changed, only added to."""
    return {
        "environment": environment,
        "contacts": contacts,
        "requests": [asdict(one) for one in figures],
    }


def _show(
    screen: Console, figures: Sequence[Figures], asked: Asked, environment: dict[str, Any]
) -> None:
    rows = Table(title="haste bench api", title_justify="left", box=None)
    rows.add_column("Request", no_wrap=True)
    for name in ("p50 ms", "p95 ms", "Budget", "p99 ms", "Per s", "SQL", "Bytes"):
        rows.add_column(name, justify="right", no_wrap=True)
    for row, one in zip(ROWS, figures, strict=True):
        rows.add_row(
            one.name,
            f"{one.p50_ms:.1f}",
            f"{one.p95_ms:.1f}",
            "" if row.budget_ms is None else f"≤ {row.budget_ms:g}",
            f"{one.p99_ms:.1f}",
            f"{one.per_s:.0f}",
            str(one.statements),
            f"{one.bytes:,}",
        )
    usual = USUAL.at_most(asked.calls)
    screen.print()
    screen.print(rows)
    screen.print(
        f"The handler's own time for an event of API Gateway's, on one core: {usual.timed} calls "
        f"after {usual.warm_up} to get warm, and of signing in, which takes its time by intent, "
        f"{FEW.at_most(asked.calls).timed}. {asked.contacts:,} contacts in the workspace, and "
        f"as many again in {NEIGHBOURS} others. Of the lists every fifth is the first page, the "
        "others begin anywhere. Changes wait for the disk and for the bus, here a stand-in's. The "
        "budget is for the p95. SQL: statements besides BEGIN and COMMIT."
    )
    screen.print(", ".join(f"{what} {value}" for what, value in environment.items()))
