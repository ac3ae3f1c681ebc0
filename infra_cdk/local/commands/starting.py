"""Brings the stack up and down for a command, telling what happens."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Collection, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console

from infra_cdk.local import ministack, node
from infra_cdk.local.commands.console import telling
from infra_cdk.local.commands.failure import CannotDo
from infra_cdk.local.processes import reap_stale
from infra_cdk.local.stack import Options, Stack, running
from infra_cdk.local.state import State, open_state
from infra_cdk.local.supervisor import AlreadyRunning

_KEPT = ("run", "tools", "ports.json")


@contextmanager
def started(screen: Console, state: State, options: Options) -> Generator[Stack]:
    """The running stack. Raises what `running` raises."""
    with telling(screen):
        _install(screen, state)
        screen.print(f"[bold]Starting hasteCRM[/] [dim]in {state.root}[/]")
        with running(state, options) as stack:
            try:
                yield stack
            finally:
                screen.print("[dim]Stopping…[/]")
    screen.print("[dim]Stopped; nothing is left running.[/]")


def stay(stack: Stack) -> None:
    """Until Ctrl-C, or until the stack is told to end.

    Raises:
        ServiceFailed: a part failed again and again.
    """
    with suppress(KeyboardInterrupt):
        stack.supervisor.wait()


def beside(state_name: str) -> State:
    """A data folder of a command's own inside the usual one, with the same installed tools."""
    usual = open_state()
    return State(usual.root / state_name, shared_tools=usual.tools)


def at(home: Path) -> State:
    """The data folder `home`, with the usual installed tools."""
    return State(home.resolve(), shared_tools=open_state().tools)


def empty(state: State) -> State:
    """The same data folder with nothing in it but its ports, so that its URLs stay the same.

    Raises:
        AlreadyRunning: somebody uses it.
        CannotDo: something in it belongs to somebody else.
    """
    with (state.run / "supervisor.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AlreadyRunning(
                f"another one runs on {state.root}; stop it first, or name another folder with "
                "--home."
            ) from error
        reap_stale(state)
        try:
            _remove_all_but(state.root, _KEPT)
        except OSError as error:
            raise CannotDo(
                f"{error.filename} cannot be removed ({error.strerror}); remove {state.root} as "
                "the user who made it."
            ) from error
    return state


def _remove_all_but(folder: Path, kept: Collection[str]) -> None:
    for entry in folder.iterdir():
        if entry.name in kept:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _install(screen: Console, state: State) -> None:
    """The programs that are no Python packages of ours; a matter of a minute, once."""
    with screen.status("Looking for ministack and emulate; the first time they are installed…"):
        before = set(state.tools.iterdir())
        ministack.install(state)
        node.install(state)
    if set(state.tools.iterdir()) != before:
        screen.print(f"  [green]✓[/] ministack and emulate are installed in {state.tools}")
