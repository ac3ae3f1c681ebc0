"""How commands show what they do: live on a terminal, in plain lines elsewhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from infra_cdk.local.commands.mailrun.watching import Counts

_PLAIN_LINE_EVERY_S = 2.0


def console(*, machine: bool) -> Console:
    """Where people are told things; standard error where standard output is a machine's."""
    return Console(stderr=machine, highlight=False, soft_wrap=True)


@contextmanager
def telling(screen: Console) -> Generator[None]:
    """While inside, what the supervisor logs is shown, with the time it took."""
    handler = _Telling(screen)
    log = logging.getLogger("haste")
    log.addHandler(handler)
    before, log.level = log.level, logging.INFO
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)


class _Telling(logging.Handler):
    def __init__(self, screen: Console) -> None:
        super().__init__()
        self._screen = screen
        self._began = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno <= logging.INFO and record.name != "haste":  # a part's own detail
            return
        mark = "[green]✓[/]" if record.levelno <= logging.INFO else "[yellow]![/]"
        seconds = time.monotonic() - self._began
        self._screen.print(f"  {mark} {record.getMessage()} [dim]{seconds:.1f} s[/]")


@contextmanager
def mail_progress(screen: Console, mails: int) -> Generator[Callable[[int, Counts], None]]:
    """Shows how far the mails of a run are: bars on a terminal, else a line every two seconds."""
    if screen.is_terminal:
        with _bars(screen) as progress:
            yield _bar_updates(progress, mails)
    else:
        yield _plain_updates(screen, mails)


def _bars(screen: Console) -> Progress:
    return Progress(
        TextColumn("  {task.description:<12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=screen,
    )


def _bar_updates(progress: Progress, mails: int) -> Callable[[int, Counts], None]:
    names = ("arrived", "stored", "analyzed", "automations")
    bars = {name: progress.add_task(name, total=mails) for name in names}

    def show(arrived: int, counts: Counts) -> None:
        progress.update(bars["arrived"], completed=arrived)
        progress.update(bars["stored"], completed=counts.final)
        progress.update(bars["analyzed"], completed=counts.analyzed, total=counts.stored or mails)
        progress.update(
            bars["automations"],
            completed=counts.handled,
            total=max(counts.handled + counts.unhandled, mails),
        )

    return show


def _plain_updates(screen: Console, mails: int) -> Callable[[int, Counts], None]:
    last = [0.0, ""]

    def show(arrived: int, counts: Counts) -> None:
        line = (
            f"  {arrived} of {mails} mails arrived, {counts.final} through, {counts.stored} stored,"
            f" {counts.analyzed} analyzed, {counts.runs} automation runs"
        )
        now = time.monotonic()
        if line != last[1] and now - last[0] >= _PLAIN_LINE_EVERY_S:
            last[:] = [now, line]
            screen.print(line)

    return show
