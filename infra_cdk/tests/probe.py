"""A project with one capability, `probe`, written into a folder: real handlers for the tests."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from infra_cdk.local.environment import Environment
from infra_cdk.local.stack_config import StackConfig, save
from infra_cdk.local.state import State
from shared.wiring import Capability, Declared, Function, functions_of

FOLDER = "functions"


def write_project(root: Path, **modules: str) -> Path:
    """`functions/probe/<name>.py` for each module, under `root`; returns `root`."""
    package = root / FOLDER / "probe"
    package.mkdir(parents=True, exist_ok=True)
    for empty in (root / FOLDER / "__init__.py", package / "__init__.py"):
        empty.touch()
    for name, source in modules.items():
        (package / f"{name}.py").write_text(textwrap.dedent(source))
    return root


def declare(*functions: Function) -> tuple[Declared, ...]:
    return tuple(functions_of((Capability("probe", functions),)))


def one(root: Path, source: str, concurrency: int = 1, **options: Any) -> Environment:
    """An environment of one function with this handler module."""
    write_project(root, api=source)
    function = replace(Function("api", "api.handler"), **options)
    (declared,) = declare(function)
    state = State(root / ".haste")
    return Environment(declared, {}, root, state, concurrency)


def config(root: Path, **options: Any) -> StackConfig:
    """A stack with nothing behind it, its data under `root`."""
    plain = StackConfig(home=str(root / ".haste"), token="t0k3n", root=str(root))
    return replace(plain, **options)


@contextmanager
def running(root: Path, module: str, settings: StackConfig) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m <module>` for the project at `root`, once it answers; ended afterwards."""
    path = save(settings)
    environment = os.environ | {"PYTHONPATH": str(root)}
    log = settings.state.logs / "server.log"
    with log.open("ab") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", module, "--config", str(path)],
            env=environment,
            cwd=root,
            stdout=output,
            stderr=output,
        )
    port = settings.gateway_port or settings.pollers_port
    try:
        eventually(lambda: answers(port) or server.poll() is not None)
        assert server.poll() is None, log.read_text()
        yield server
    finally:
        if server.poll() is None:
            server.terminate()
        server.wait(30)


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/_haste/health").status_code == 200
    except httpx.TransportError:
        return False


def eventually(holds: Callable[[], Any], within_s: float = 30) -> None:
    """Wait until `holds` is true; fails if it never is."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
