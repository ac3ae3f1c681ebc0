"""`haste check`: format, lint, types, import contracts, tests."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import typer

from infra_cdk.local.commands.failure import CannotDo
from infra_cdk.local.state import CHECKOUT

_STEPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("format", ("ruff", "format", "--check", "--quiet", ".")),
    ("lint", ("ruff", "check", "--quiet", ".")),
    ("types", ("basedpyright",)),
    ("import contracts", ("lint-imports",)),
)
_MOST_WORKERS = 4
_FAST = ("-m", "not stack and not corpora")


def check(*, fast: bool, pytest_args: Sequence[str]) -> int:
    """Run every step, the failing ones too, and the tests last; the exit status.

    What a failing step said is printed at once, so that the end is pytest's own summary.

    Raises:
        CannotDo: a tool is missing and cannot be installed.
    """
    _install_missing()
    failed = [name for name, command in _STEPS if not _passes(name, command)]
    if failed:
        typer.echo(f"✗ {', '.join(failed)}: see above. The tests run all the same.")
    workers = str(min(_MOST_WORKERS, os.cpu_count() or 1))
    command = [_tool("pytest"), "-q", "-n", workers, "--dist", "worksteal"]
    tests = subprocess.run(
        [*command, *(_FAST if fast else ()), *pytest_args], cwd=CHECKOUT, check=False
    )
    return tests.returncode or len(failed)


def _passes(name: str, command: Sequence[str]) -> bool:
    began = time.monotonic()
    done = subprocess.run(
        [_tool(command[0]), *command[1:]],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    good = done.returncode == 0
    typer.echo(f"{'✓' if good else '✗'} {name} ({time.monotonic() - began:.1f} s)")
    if not good:
        typer.echo(done.stdout + done.stderr)
    return good


def _install_missing() -> None:
    """Install the groups of pyproject.toml that are not there: a plain `uv sync` leaves some out.

    Raises:
        CannotDo: uv is not there, or fails.
    """
    missing = sorted(name for name in named_in_groups() if not _installed(name))
    if not missing:
        return
    uv = os.environ.get("UV") or shutil.which("uv")
    command = [uv] if uv else [sys.executable, "-m", "uv"]
    if uv is None and importlib.util.find_spec("uv") is None:
        raise CannotDo(
            f"these are not installed: {', '.join(missing)}. Run `uv sync --all-groups`; uv itself "
            "comes with `pip install uv`."
        )
    typer.echo(f"Installing what checks need: {', '.join(missing)}")
    command += ["sync", "--frozen", "--inexact", "--all-groups", "--quiet"]
    here = {**os.environ, "UV_PROJECT_ENVIRONMENT": sys.prefix}
    if subprocess.run(command, cwd=CHECKOUT, env=here, check=False).returncode != 0:
        raise CannotDo("uv could not install them; what it said is above.")


def named_in_groups() -> Iterator[str]:
    groups = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["dependency-groups"]
    for requirement in (one for group in groups.values() for one in group if isinstance(one, str)):
        name, _, marker = requirement.partition(";")
        if not marker or sys.platform in marker:
            yield re.split(r"[^\w.-]", name.strip(), maxsplit=1)[0]


def _installed(distribution: str) -> bool:
    try:
        importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _tool(name: str) -> str:
    """A program of this Python's own environment."""
    return str(Path(sys.prefix) / "bin" / name)
