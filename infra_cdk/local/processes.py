"""Processes the laptop starts: each in its own session, logged, remembered, and ended for certain.

How none survives: `stop` ends the whole process group; on Linux the kernel kills a child when its
parent is killed; and `reap_stale` ends what a killed run still left, found by its pid file.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from infra_cdk.local.state import State, write_atomically

_CHILD = Path(__file__).with_name("child.py")
_LOG_LIMIT = 5_000_000
_MARK = "HASTE_PROCESS"


class ServiceFailed(Exception):
    """A program of the local stack did not start or does not work; the message says why."""


@dataclass(frozen=True)
class Process:
    """A running program. `popen.pid` is also the id of its process group and session."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path
    pid_file: Path
    mark: str

    @property
    def pid(self) -> int:
        return self.popen.pid

    def alive(self) -> bool:
        return self.popen.poll() is None


def spawn(
    state: State,
    name: str,
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: str | None = None,
) -> Process:
    """Start `argv` in its own session, its output going to `.haste/logs/<name>.log`.

    `env` replaces the environment (default: ours). `user` needs root. On Linux the program gets
    SIGKILL when the *thread* that called `spawn` ends (prctl(2), PR_SET_PDEATHSIG): call it from a
    thread that lives as long as the program should.
    """
    log = state.logs / f"{name}.log"
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
    mark = _mark(state, name)
    marked = {**(os.environ if env is None else env), _MARK: mark}
    shim = [sys.executable, "-I", "-S", str(_CHILD), str(os.getpid()), user or ""]
    with log.open("ab") as output:
        popen = subprocess.Popen(
            [*shim, *map(str, argv)],
            env=marked,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    pid_file = state.run / f"{name}.pid"
    created = psutil.Process(popen.pid).create_time()
    write_atomically(pid_file, json.dumps({"pid": popen.pid, "created": created}))
    return Process(name, popen, log, pid_file, mark)


def stop(process: Process, grace_s: float = 10) -> None:
    """SIGTERM to the group, and SIGKILL after `grace_s` seconds to whatever is left of it.

    Descendants that made a group of their own are killed too. Returns when all are gone.
    """
    family = _family(process.pid) if process.alive() else []
    if family:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.popen.wait(grace_s)
    left = [*family, *_orphans(process.pid, process.mark)]
    _kill(left)
    process.popen.wait()
    wait_until_ended(left)
    process.pid_file.unlink(missing_ok=True)


def reap_stale(state: State) -> list[str]:
    """End what an earlier run of this state left behind, and return the names.

    A pid alone proves nothing, since the system reuses them. The recorded process must have the
    recorded start time; if it is gone, a member of its session must carry our mark in its
    environment.
    """
    reaped: list[str] = []
    for pid_file in sorted(state.run.glob("*.pid")):
        name = pid_file.stem
        leftovers = _leftovers(pid_file, _mark(state, name))
        _kill(leftovers)
        wait_until_ended(leftovers)
        pid_file.unlink(missing_ok=True)
        if leftovers:
            reaped.append(name)
    return reaped


def wait_until_ended(
    processes: Sequence[psutil.Process], within_s: float = 5
) -> list[psutil.Process]:
    """Wait, and return those that still run. A zombie has ended: its parent may be in no hurry."""
    deadline = time.monotonic() + within_s
    while (running := [p for p in processes if _runs(p)]) and time.monotonic() < deadline:
        time.sleep(0.01)
    return running


def cpu_seconds(pid: int) -> float:
    """User plus system time of process `pid` so far, including children it has waited for."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system + times.children_user + times.children_system


def log_tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, for an error message."""
    if not log.exists():
        return "(no log)"
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 20_000))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])


def wait_until_ready(process: Process, ready: Callable[[], bool], *, within_s: float = 30) -> None:
    """Poll `ready` until it is true. Raises ServiceFailed, with the log's end, if it never is."""
    deadline = time.monotonic() + within_s
    while not ready():
        if not process.alive():
            why = f"ended with status {process.popen.returncode}"
        elif time.monotonic() > deadline:
            why = f"did not answer within {within_s:.0f} s"
        else:
            time.sleep(0.02)
            continue
        stop(process, grace_s=1)
        raise ServiceFailed(
            f"{process.name} {why}. The end of {process.log}:\n{log_tail(process.log)}"
        )


def _mark(state: State, name: str) -> str:
    return f"{state.digest}:{name}"


def _family(pid: int) -> list[psutil.Process]:
    """The living process `pid`, its descendants, and all members of the session it leads."""
    try:
        leader = psutil.Process(pid)
        descendants = leader.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return list({leader, *descendants, *_session(pid)})


def _orphans(pid: int, mark: str) -> list[psutil.Process]:
    """Members of the session whose leader `pid` has ended: those that carry our mark."""
    return [member for member in _session(pid) if _marked(member, mark)]


def _session(leader: int) -> list[psutil.Process]:
    members: list[psutil.Process] = []
    for pid in psutil.pids():
        with contextlib.suppress(OSError, psutil.Error):
            if os.getsid(pid) == leader:
                members.append(psutil.Process(pid))
    return members


def _leftovers(pid_file: Path, mark: str) -> list[psutil.Process]:
    try:
        record = json.loads(pid_file.read_text())
        pid, created = int(record["pid"]), float(record["created"])
    except (ValueError, KeyError, TypeError):
        return []
    try:
        if abs(psutil.Process(pid).create_time() - created) < 0.05:
            return _family(pid)
        return []  # the number belongs to somebody else now, so our session has ended
    except psutil.NoSuchProcess:
        return _orphans(pid, mark)


def _marked(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get(_MARK) == mark
    except psutil.Error:
        return False


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _kill(processes: Sequence[psutil.Process]) -> None:
    for process in processes:  # psutil refuses a pid that has been reused meanwhile
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
