"""The dependency groups of pyproject.toml, some of which a plain `uv sync` leaves out."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator

from infra_cdk.local.commands.failure import CannotDo
from infra_cdk.local.state import CHECKOUT


def install_missing(*groups: str) -> None:
    """Install these groups, all if none is named, where anything of them is missing.

    Says so on stderr; what a command prints may be for another program.

    Raises:
        CannotDo: uv is not there, or fails.
    """
    missing = sorted(name for name in named_in_groups(*groups) if not _installed(name))
    if not missing:
        return
    uv = os.environ.get("UV") or shutil.which("uv")
    command = [uv] if uv else [sys.executable, "-m", "uv"]
    if uv is None and importlib.util.find_spec("uv") is None:
        raise CannotDo(
            f"these are not installed: {', '.join(missing)}. Run `uv sync --all-groups`; uv itself "
            "comes with `pip install uv`."
        )
    print(f"Installing what this needs: {', '.join(missing)}", file=sys.stderr)  # noqa: T201
    wanted = [f"--group={group}" for group in groups] or ["--all-groups"]
    command += ["sync", "--frozen", "--inexact", *wanted, "--quiet"]
    here = {**os.environ, "UV_PROJECT_ENVIRONMENT": sys.prefix}
    if subprocess.run(command, cwd=CHECKOUT, env=here, check=False).returncode != 0:
        raise CannotDo("uv could not install them; what it said is above.")
    importlib.invalidate_caches()


def named_in_groups(*names: str) -> Iterator[str]:
    """The distributions that these groups name, all groups if none is given."""
    groups = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["dependency-groups"]
    chosen = [groups[name] for name in names] or list(groups.values())
    for requirement in (one for group in chosen for one in group if isinstance(one, str)):
        name, _, marker = requirement.partition(";")
        if not marker or sys.platform in marker:
            yield re.split(r"[^\w.-]", name.strip(), maxsplit=1)[0]


def _installed(distribution: str) -> bool:
    try:
        importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
