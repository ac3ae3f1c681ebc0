"""`haste demo`: real mails through the whole house, with everything it needs set up for it."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from infra_cdk.local.commands import where
from infra_cdk.local.commands.console import console, mail_progress
from infra_cdk.local.commands.failure import CannotDo
from infra_cdk.local.commands.mailrun import faults, office
from infra_cdk.local.commands.mailrun.arrivals import Delivery
from infra_cdk.local.commands.mailrun.books import Books, audit
from infra_cdk.local.commands.mailrun.letters import SAMPLES, read_folder, spread
from infra_cdk.local.commands.mailrun.run import Outcome, run
from infra_cdk.local.commands.mailrun.stage import Stage, staged, warm_up
from infra_cdk.local.commands.starting import at, beside, empty, started, stay
from infra_cdk.local.google.quota import UNITS_PER_MINUTE
from infra_cdk.local.stack import Options, Stack

_ON_THEIR_WAY = 40
"""How many mails are at most: about what two cores take in a second. Gmail announces each mailbox's
at most once a second, so with fewer the house would have to wait."""
_ON_THEIR_WAY_TO_ONE = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of the command."""

    mail: Path | None = None
    leave: bool = False
    machine: bool = False
    with_faults: bool = False
    port: int | None = None
    home: Path | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a demo came to."""

    outcome: Outcome
    books: Books
    mailboxes: int
    faults_injected: int


def demo(asked: Asked) -> None:
    """Run the demo.

    Raises:
        CannotDo: there are no mails; or some did not get through, or not all is accounted for.
    """
    screen = console(machine=asked.machine)
    letters = read_folder(asked.mail or SAMPLES)
    state = at(asked.home) if asked.home else empty(beside("demo"))
    # In a data folder that was used before, other addresses: the old ones have mail already.
    tag = f"+{secrets.token_hex(3)}" if (state.root / "signing-keys.json").exists() else ""
    by_mailbox = spread(letters)
    mine = dict(zip(office.addresses(len(by_mailbox), tag), by_mailbox, strict=True))
    warm = f"warm-up{tag}@quayline.example"
    options = Options(
        mailboxes=(*mine, warm),
        port=asked.port,
        settings=faults.SETTINGS if asked.with_faults else {},
        retry_seconds=faults.RETRY_SECONDS if asked.with_faults else None,
    )
    with started(screen, state, options) as stack:
        with screen.status("Warming up: every function handles its first mail…"):
            warm_up(stack, warm)
        screen.print(f"[bold]{len(letters)} mails[/] arrive in {_mailboxes(len(mine))}")
        with staged(stack, "Quayline", mine) as stage:
            report = _play(screen, stack, stage, with_faults=asked.with_faults)
            _show(screen, report)
            if asked.machine:
                typer.echo(json.dumps(_machine(report, stage)))
        _judge(report, stack)
        where.show(screen, stack, stage.account.token)
        if not asked.leave:
            stay(stack)


def _play(screen: Console, stack: Stack, stage: Stage, *, with_faults: bool) -> Report:
    window = min(_ON_THEIR_WAY_TO_ONE, max(1, _ON_THEIR_WAY // len(stage.boxes)))
    delivery = Delivery(stage.boxes, stage.letters, stage.watcher, window=window)
    mails = sum(len(letters) for letters in stage.letters.values())
    faults.set_quota(stack.google_url, UNITS_PER_MINUTE)
    if with_faults:
        faults.inject(stack.google_url)
    with mail_progress(screen, mails) as show:
        nudge = faults.ticking(stack) if with_faults else lambda: None
        outcome = run(stack, delivery, show, nudge)
    injected = faults.stop_injecting(stack.google_url)
    faults.set_quota(stack.google_url, None)
    with screen.status("Comparing every mail with what Gmail and the bucket hold…"):
        books = audit(
            stage.account, stack.database_url(), stage.boxes, stage.mailbox_ids, outcome.arrived
        )
    return Report(outcome, books, len(stage.boxes), injected)


def _machine(report: Report, stage: Stage) -> dict[str, Any]:
    """What `--json` prints. Others read these keys: they are never changed, only added to."""
    outcome, books = report.outcome, report.books
    return {
        "mails": outcome.mails,
        "states": books.states,
        "unaccounted": books.unaccounted,
        "duplicates": books.duplicates,
        "raw_identical": books.raw_identical,
        "analyzed": books.analyzed,
        "automation_runs": books.automation_runs,
        "tasks_created": books.tasks_created,
        "visible_p95_ms": round(outcome.visible_ms(95), 1),
        "mails_per_minute": round(outcome.mails_per_minute, 1),
        "cpu_ms_per_mail": round(outcome.cpu_ms_per_mail, 2),
        "faults_injected": report.faults_injected,
        "api": stage.account.url,
        "token": stage.account.token,
        "workspace": stage.account.workspace,
    }


def _show(screen: Console, report: Report) -> None:
    outcome, books = report.outcome, report.books
    states = ", ".join(f"{count} {state}" for state, count in sorted(books.states.items()))
    exact = "byte for byte" if books.raw_identical else "[red]NOT as they were received[/]"
    by_function = ", ".join(
        f"{name} {outcome.per_mail(seconds):.1f}"
        for name, seconds in outcome.functions_cpu.items()
        if outcome.per_mail(seconds) >= 0.05
    )
    rows = Table(title="What happened", title_justify="left", show_header=False)
    rows.add_row("Mails in", f"{outcome.mails} in {_mailboxes(report.mailboxes)}")
    rows.add_row("States", states)
    rows.add_row("Unaccounted, duplicates", f"{books.unaccounted}, {books.duplicates}")
    rows.add_row("Kept in the bucket", exact)
    rows.add_row("Understood", f"{books.analyzed} mails, {books.entities} entities found")
    rows.add_row("Automations", f"{books.automation_runs} runs, {books.tasks_created} tasks")
    rows.add_row(
        "Arrived → visible",
        f"p50 {outcome.visible_ms(50):.0f} ms, p95 {outcome.visible_ms(95):.0f} ms",
    )
    rows.add_row("Throughput", f"{outcome.mails_per_minute:.0f} mails a minute, all stages")
    rows.add_row("CPU per mail", f"{outcome.cpu_ms_per_mail:.1f} ms in functions ({by_function})")
    if report.faults_injected:
        rows.add_row("Faults survived", str(report.faults_injected))
    screen.print()
    screen.print(rows)


def _judge(report: Report, stack: Stack) -> None:
    """Raises CannotDo unless every mail is accounted for and nothing is left open."""
    books, wrong = report.books, []
    if report.outcome.missing:
        wrong.append(f"still open: {report.outcome.missing}")
    if books.unaccounted:
        wrong.append(f"{books.unaccounted} mails that Gmail lists are not in the ledger")
    if books.duplicates:
        wrong.append(f"{books.duplicates} mails are stored twice")
    if not books.raw_identical:
        wrong.append("the bucket does not hold every mail as Gmail returns it")
    if wrong:
        raise CannotDo(f"The demo did not go well: {'; '.join(wrong)}. See {stack.state.logs}.")


def _mailboxes(count: int) -> str:
    return "one mailbox" if count == 1 else f"{count} mailboxes"
