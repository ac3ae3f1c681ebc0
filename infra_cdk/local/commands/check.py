"""`haste check`: format, lint, types, import contracts, tests."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import typer

from infra_cdk.local.groups import install_missing
from infra_cdk.local.state import CHECKOUT

_STEPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("format", ("ruff", "format", "--check", "--quiet", ".")),
    ("lint", ("ruff", "check", "--quiet", ".")),
    ("types", ("basedpyright",)),
    ("import contracts", ("lint-imports",)),
    # So the tests' bytecode is there before several processes need it at once.
    ("tests found", ("pytest", "--collect-only", "-qq", "-n0")),
)
_MOST_WORKERS = 4
_FAST = ("-m", "not stack and not corpora")


def check(*, fast: bool, pytest_args: Sequence[str]) -> int:
    """Run every step, the failing ones too, and the tests last; the exit status.

    What a failing step said is printed at once, so that the end is pytest's own summary.

    Raises:
        CannotDo: a tool is missing and cannot be installed.
    """
    install_missing()
    with ThreadPoolExecutor(2) as side_by_side:
        good = side_by_side.map(lambda step: _passes(*step), _STEPS)
        failed = [name for (name, _), passed in zip(_STEPS, good, strict=True) if not passed]
    if failed:
        typer.echo(f"✗ {', '.join(failed)}: see above. The tests run all the same.")
    # One more than there are cores: now and then most tests wait, for a process or for a clock.
    workers = str(min(_MOST_WORKERS, (os.cpu_count() or 1) + 1))
    command = [_tool("pytest"), "-q", "-n", workers, "--dist", "worksteal"]
    tests = subprocess.run(
        [*command, *(_FAST if fast else ()), *pytest_args],
        cwd=CHECKOUT,
        env=_environment(),
        check=False,
    )
    return tests.returncode or len(failed)


def _passes(name: str, command: Sequence[str]) -> bool:
    began = time.monotonic()
    done = subprocess.run(
        [_tool(command[0]), *command[1:]],
        cwd=CHECKOUT,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    good = done.returncode == 0
    typer.echo(f"{'✓' if good else '✗'} {name} ({time.monotonic() - began:.1f} s)")
    if not good:
        typer.echo(done.stdout + done.stderr)
    return good


def _environment() -> dict[str, str]:
    """Ours, with bytecode kept: the tests start hundreds of processes, and each would compile all
    that it imports, aws-cdk-lib in some six seconds.
    """
    return {name: v for name, v in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _tool(name: str) -> str:
    """A program of this Python's own environment."""
    return str(Path(sys.prefix) / "bin" / name)
