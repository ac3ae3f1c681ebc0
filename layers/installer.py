"""Installs a layer's distributions with uv: wheels only, each checked against its hash."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from layers.failure import CannotBuild
from layers.target import Target

_NOT_HERE = {"UV_COMPILE_BYTECODE", "UV_SYSTEM_PYTHON", "UV_TARGET", "UV_PREFIX"}
"""Settings of uv that would have it do something else. Those of its index and cache are heeded."""


def install(lines: Iterable[str], target: Target, folder: Path) -> None:
    """Put the distributions that the lines name, and no others, into the folder.

    Files are copied, not linked: what is then done to them must not be done to uv's cache.

    Raises:
        CannotBuild: there is no uv, or it fails.
    """
    uv = find_uv()
    if not uv:
        raise CannotBuild("uv installs what is in a layer, and was not found: pip install uv")
    command = [*uv, "pip", "install", "--quiet", "--python", sys.executable, "--target", folder]
    command += ["--no-deps", "--require-hashes", "--only-binary", ":all:"]
    command += ["--link-mode", "copy", "--requirements", "-"]
    if target.name != "host":
        command += ["--python-platform", target.platform, "--python-version", target.python]
    settings = {name: value for name, value in os.environ.items() if name not in _NOT_HERE}
    done = subprocess.run(
        command,
        env=settings,
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise CannotBuild(
            "A layer could not be installed; is the package index reachable?\n"
            f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
        )


def find_uv() -> list[str]:
    """How to call uv, or nothing: `uv run` sets UV; else on the PATH; else as a module."""
    if program := os.environ.get("UV") or shutil.which("uv"):
        return [program]
    return [sys.executable, "-m", "uv"] if importlib.util.find_spec("uv") else []
