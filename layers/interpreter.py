"""Finds a Python whose bytecode the target can load: one of its minor version."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from layers.failure import CannotBuild
from layers.installer import find_uv
from layers.target import Target, host

_SETTING = "HASTE_LAMBDA_PYTHON"
_TELL = "import sys; v = sys.version_info; print(sys.implementation.name, v[0], v[1], v[3])"


def python_of(target: Target) -> Path:
    """A Python of the target's minor version; for the host, the one that runs.

    Raises:
        CannotBuild: there is none.
    """
    if target.name == host().name:
        return Path(sys.executable)
    return _found(target.minor, os.environ.get(_SETTING, ""))


@cache
def _found(minor: str, setting: str) -> Path:
    if setting:
        if not _fits(Path(setting), minor):
            raise CannotBuild(f"{_SETTING} is {setting}, which is no CPython {minor}.")
        return Path(setting)
    for candidate in _candidates(minor):
        if _fits(candidate, minor):
            return candidate
    raise CannotBuild(
        f"Lambda's bytecode is compiled by a Python {minor}, and none was found. Get one with "
        f"`uv python install {minor}`, or set {_SETTING} to one."
    )


def _candidates(minor: str) -> Iterator[Path]:
    """Where one may be. pyenv's folder is looked into, because its commands on the PATH fail for
    versions that are not switched on, and uv stumbles over that."""
    yield Path(sys.executable)
    if uv := find_uv():
        command = [*uv, "python", "find", "--no-project", minor]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            yield Path(done.stdout.strip())
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob(f"versions/{minor}.*/bin/python"))
    if found := shutil.which(f"python{minor}"):
        yield Path(found)


def _fits(candidate: Path, minor: str) -> bool:
    """Whether it runs, and is a released CPython of that version."""
    try:
        done = subprocess.run(
            [candidate, "-I", "-S", "-c", _TELL], capture_output=True, text=True, check=False
        )
    except OSError:
        return False
    return done.stdout.split() == ["cpython", *minor.split("."), "final"]
