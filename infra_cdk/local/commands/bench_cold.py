"""`haste bench cold`: how long a function takes from nothing to its first answer."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from infra_cdk.local import ministack, node
from infra_cdk.local.commands.build import sizes
from infra_cdk.local.commands.coldbench.measuring import Figures, Start, measured
from infra_cdk.local.commands.coldbench.place import opened
from infra_cdk.local.commands.console import console, telling
from infra_cdk.local.commands.failure import CannotDo
from infra_cdk.local.commands.machine import describe
from infra_cdk.local.commands.starting import beside, empty
from infra_cdk.local.unpacking import layers_of, unpacking
from infra_cdk.registry import declared
from layers.assets import ASSETS, build
from layers.failure import CannotBuild
from layers.target import host
from shared.wiring import Declared


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of the command; no names are all functions."""

    runs: int = 10
    functions: Sequence[str] = ()
    machine: bool = False


def bench_cold(asked: Asked) -> None:
    """Run the benchmark.

    Raises:
        CannotDo: an asset cannot be built, or a function does not answer as it should.
    """
    screen = console(machine=asked.machine)
    load = os.getloadavg()[0]
    chosen = _chosen(asked.functions)
    state = empty(beside("bench"))
    with telling(screen):
        try:
            unzipped = sizes({asset: build(asset, host()).unzipped_bytes for asset in ASSETS})
        except CannotBuild as error:
            raise CannotDo(str(error)) from error
    with screen.status("Looking for ministack and emulate; the first time they are installed…"):
        ministack.install(state)
        node.install(state)
    figures: list[Figures] = []
    starts: list[Start] = []
    with telling(screen), opened(state) as place, unpacking(state.run) as unpacked:
        for one in chosen:
            with screen.status(f"Measuring: {one.name}…"):
                size = unzipped[one.name]["unzipped_bytes"]
                its, all_its = measured(place, one, unpacked(layers_of(one)), asked.runs, size)
            figures.append(its)
            starts += all_its
            screen.print(f"  [green]✓[/] {one.name}: {its.first_request_ms:.0f} ms")
    interpreter_ms = round(statistics.median(start.interpreter_ms for start in starts), 1)
    environment = describe(load)
    _show(screen, figures, asked.runs, interpreter_ms, environment)
    if asked.machine:
        typer.echo(json.dumps(_machine(figures, asked.runs, interpreter_ms, environment)))


def _chosen(names: Sequence[str]) -> list[Declared]:
    known = {one.name: one for one in declared()}
    if strangers := [name for name in names if name not in known]:
        raise CannotDo(f"There is no function {strangers[0]}; there are: {', '.join(known)}.")
    return [one for name, one in known.items() if not names or name in names]


def _machine(
    figures: Sequence[Figures], runs: int, interpreter_ms: float, environment: dict[str, Any]
) -> dict[str, Any]:
    """What `--json` prints. Others read these keys: they are never changed, only added to."""
    return {
        "environment": environment,
        "runs": runs,
        "interpreter_ms": interpreter_ms,
        "functions": [asdict(one) for one in figures],
    }


def _show(
    screen: Console,
    figures: Sequence[Figures],
    runs: int,
    interpreter_ms: float,
    environment: dict[str, Any],
) -> None:
    rows = Table(title="haste bench cold", title_justify="left", box=None)
    rows.add_column("Function", no_wrap=True)
    for name in ("Import", "Answer", "Budget", "CPU", "MB", "Unzipped"):
        rows.add_column(name, justify="right", no_wrap=True)
    why = Table(box=None)
    for name in ("Function", "First event", "Heaviest packages, ms"):
        why.add_column(name)
    for one in figures:
        over = one.budget_ms is not None and one.first_request_ms > one.budget_ms
        rows.add_row(
            one.name,
            f"{one.import_ms:.0f}",
            f"[red]{one.first_request_ms:.0f}[/]" if over else f"{one.first_request_ms:.0f}",
            "" if one.budget_ms is None else f"≤ {one.budget_ms:g}",
            f"{one.first_request_cpu_ms:.0f}",
            f"{one.memory_mb:.0f}",
            f"{one.unzipped_bytes / 1e6:.0f}",
        )
        packages = ", ".join(f"{package.module} {package.ms:.0f}" for package in one.packages)
        why.add_row(one.name, one.trigger, packages)
    screen.print()
    screen.print(rows)
    screen.print()
    screen.print(why)
    screen.print(
        "Milliseconds from the start of a bare interpreter, itself "
        f"{interpreter_ms:.0f} ms, until the handler is imported, and until its first answer; CPU "
        f"until then; most MB in memory, and MB of code and layers. Medians of {runs} fresh "
        "processes on one core, with byte code, from a warm disk, on nothing but the function's "
        "own code and layers. The answer has the services' time in it, those of this machine: no "
        "TLS, and a password instead of IAM. Messages are about nothing there is, so consumers "
        "read the database and no more. Lambda gives a whole core to 1,769 MB, and less to less."
    )
    screen.print(", ".join(f"{what} {value}" for what, value in environment.items()))
