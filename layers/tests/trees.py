"""Copies of the checkout, as much of it as the builder reads."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from layers.assets import CHECKOUT
from layers.installer import find_uv

needs_uv = pytest.mark.skipif(not find_uv(), reason="uv, which installs layers, is not here")


def copy_to(folder: Path, source: Path = CHECKOUT) -> Path:
    """A copy of a checkout in a folder that does not exist yet."""
    folder.mkdir(parents=True)
    shutil.copy(source / "uv.lock", folder)
    left_out = shutil.ignore_patterns("__pycache__")
    for package in ("events", "functions", "layers", "shared"):
        shutil.copytree(source / package, folder / package, ignore=left_out)
    return folder


def layers(
    *arguments: str, checkout: Path, umask: int = 0o022, **extra: str
) -> subprocess.CompletedProcess[str]:
    """`python -m layers` of a checkout, as CDK runs it."""
    environment = {name: value for name, value in os.environ.items() if name != "HASTE_BUILD"}
    return subprocess.run(
        [sys.executable, "-m", "layers", *arguments],
        cwd=checkout,
        env={**environment, **extra},
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
    )
