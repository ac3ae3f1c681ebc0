"""Compiles an asset's modules.

Lambda's folders are read-only, so what is not compiled beforehand is compiled at every cold start,
which doubles its time. By default bytecode counts only while its source has the time it had when it
was compiled, and archives change that; "unchecked hash" bytecode always counts (PEP 552).
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from layers.failure import CannotBuild
from layers.interpreter import python_of
from layers.target import Target


def compile_modules(folder: Path, seen_as: str, target: Target) -> None:
    """Put bytecode beside every module below the folder, which on Lambda is `seen_as`.

    Raises:
        CannotBuild: a module has no valid syntax, or there is no Python to compile with.
    """
    command = [python_of(target), "-I", "-W", "ignore", "-m", "compileall", "-q"]
    command += ["--invalidation-mode", "unchecked-hash", "-s", folder, "-p", seen_as, folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotBuild(f"Python {target.minor} cannot compile:\n{done.stdout}{done.stderr}")
