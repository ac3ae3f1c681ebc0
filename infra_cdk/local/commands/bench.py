"""`haste bench email`: how many mails a minute, at what cost, and how soon a mail can be seen."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from infra_cdk.local.commands.console import console, mail_progress
from infra_cdk.local.commands.failure import CannotDo
from infra_cdk.local.commands.machine import describe
from infra_cdk.local.commands.mailrun import faults, office
from infra_cdk.local.commands.mailrun.arrivals import Delivery
from infra_cdk.local.commands.mailrun.letters import Letter, generate, spread
from infra_cdk.local.commands.mailrun.run import Outcome, run
from infra_cdk.local.commands.mailrun.stage import staged, warm_up
from infra_cdk.local.commands.starting import beside, empty, started
from infra_cdk.local.google.quota import UNITS_PER_MINUTE
from infra_cdk.local.stack import Options, Stack

_WARM_UP_MAILS = 60
_PACED_MAILS = 60
_PACED_MAILBOXES = 4
_SECONDS_APART = 2.0
"""In each mailbox: two mails a second in all, which leaves the machine idle most of the time."""

Letters = Mapping[str, Sequence[Letter]]


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of the command."""

    mails: int = 1000
    machine: bool = False


def bench_email(asked: Asked) -> None:
    """Run the benchmark: first all mails at once, for throughput and cost; then some, evenly paced,
    for the time until a mail is visible, which under a flood is that of the queue.

    Raises:
        CannotDo: not every mail got through.
    """
    screen = console(machine=asked.machine)
    load = os.getloadavg()[0]
    flood = _addressed("flood", spread(generate(asked.mails)))
    few = generate(min(_PACED_MAILS, asked.mails))
    paced = _addressed("paced", _dealt(few, min(_PACED_MAILBOXES, len(few))))
    warm = "warm-up@quayline.example"
    options = Options(mailboxes=(*flood, *paced, warm))
    with started(screen, empty(beside("bench")), options) as stack:
        with screen.status("Warming up…"):
            warm_up(stack, warm, generate(_WARM_UP_MAILS))
        faults.set_quota(stack.google_url, UNITS_PER_MINUTE)
        screen.print(f"[bold]{asked.mails} mails[/] at once into {len(flood)} mailboxes")
        at_once = _measured(screen, stack, "Flood", flood)
        screen.print(
            f"[bold]{_PACED_MAILS} mails[/], {_PACED_MAILBOXES / _SECONDS_APART:.0f} a second"
        )
        in_peace = _measured(screen, stack, "Paced", paced, _SECONDS_APART)
    environment = describe(load)
    _show(screen, at_once, in_peace, len(flood), environment)
    if asked.machine:
        typer.echo(json.dumps(_machine(at_once, in_peace, len(flood), environment)))


def _measured(
    screen: Console, stack: Stack, name: str, letters: Letters, seconds_apart: float = 0.0
) -> Outcome:
    with staged(stack, name, letters) as stage:
        delivery = Delivery(stage.boxes, letters, stage.watcher, seconds_apart=seconds_apart)
        with mail_progress(screen, sum(len(mine) for mine in letters.values())) as show:
            outcome = run(stack, delivery, show)
    if outcome.missing:
        raise CannotDo(f"Not every mail got through: {outcome.missing}. See {stack.state.logs}.")
    return outcome


def _addressed(name: str, mailboxes: Sequence[Sequence[Letter]]) -> Letters:
    return dict(zip(office.addresses(len(mailboxes), f"+{name}"), mailboxes, strict=True))


def _dealt(letters: Sequence[Letter], mailboxes: int) -> list[list[Letter]]:
    return [list(letters[place::mailboxes]) for place in range(mailboxes)]


def _machine(
    at_once: Outcome, in_peace: Outcome, mailboxes: int, environment: dict[str, Any]
) -> dict[str, Any]:
    """What `--json` prints. Others read these keys: they are never changed, only added to."""
    return {
        "environment": environment,
        "mails": at_once.mails,
        "mails_per_minute": round(at_once.mails_per_minute, 1),
        "cpu_ms_per_mail": round(at_once.cpu_ms_per_mail, 2),
        "visible_p50_ms": round(in_peace.visible_ms(50), 1),
        "visible_p95_ms": round(in_peace.visible_ms(95), 1),
        "mailboxes": mailboxes,
        "functions_cpu_ms_per_mail": _per_mail(at_once, at_once.functions_cpu),
        "beside_cpu_ms_per_mail": _per_mail(at_once, at_once.services_cpu),
        "flood_visible_p95_ms": round(at_once.visible_ms(95), 1),
        "paced_cpu_ms_per_mail": round(in_peace.cpu_ms_per_mail, 2),
    }


def _show(
    screen: Console,
    at_once: Outcome,
    in_peace: Outcome,
    mailboxes: int,
    environment: dict[str, Any],
) -> None:
    rows = Table(title="haste bench email", title_justify="left", show_header=False)
    rows.add_row("Machine", ", ".join(f"{what} {value}" for what, value in environment.items()))
    rows.add_row("Mails", f"{at_once.mails} in {mailboxes} mailboxes")
    rows.add_row("Throughput", f"{at_once.mails_per_minute:.0f} mails a minute, all stages")
    rows.add_row("CPU per mail, functions", f"{at_once.cpu_ms_per_mail:.1f} ms")
    for name, cost in _per_mail(at_once, at_once.functions_cpu).items():
        rows.add_row(f"  {name}", f"{cost:.2f} ms")
    beside_it = _per_mail(at_once, at_once.services_cpu)
    rows.add_row("CPU per mail, beside", f"{sum(beside_it.values()):.1f} ms")
    for name, cost in beside_it.items():
        rows.add_row(f"  {name}", f"{cost:.2f} ms")
    rows.add_row(
        "Arrived → visible, two a second",
        f"p50 {in_peace.visible_ms(50):.0f} ms, p95 {in_peace.visible_ms(95):.0f} ms",
    )
    rows.add_row(
        "Arrived → visible, all at once",
        f"p50 {at_once.visible_ms(50):.0f} ms, p95 {at_once.visible_ms(95):.0f} ms",
    )
    screen.print()
    screen.print(rows)


def _per_mail(outcome: Outcome, spent: Mapping[str, float]) -> dict[str, float]:
    return {name: round(outcome.per_mail(cpu), 3) for name, cpu in spent.items()}
