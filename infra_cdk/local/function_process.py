"""One child process that runs a function's handler under the real Lambda runtime client.

Linux only, like the runtime client's wheels: the end of a child is seen through its pidfd.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra_cdk.local.processes import Process, cpu_seconds, spawn
from infra_cdk.local.state import State

PYTHON = (sys.executable,)
"""The project's own interpreter, with everything that is installed in it."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: its return code (negative: the signal), user + system seconds."""

    returncode: int
    cpu_s: float


@dataclass(frozen=True)
class FunctionProcess:
    """A running handler process. `ended` is done once the process is gone and reaped."""

    process: Process
    ended: asyncio.Future[Ended]

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return not self.ended.done()

    def cpu_s(self) -> float:
        """User + system seconds so far."""
        return self.ended.result().cpu_s if self.ended.done() else cpu_seconds(self.pid)

    async def kill(self) -> None:
        """End it and everything it started, as Lambda does: at once. Returns when it is gone."""
        _kill_group(self)
        await asyncio.shield(self.ended)


def start(
    state: State,
    name: str,
    entry: str,
    env: Mapping[str, str],
    root: Path,
    python: Sequence[str] = PYTHON,
) -> FunctionProcess:
    """Run `python -m awslambdaric <entry>` in `root`, logging to `.haste/logs/<name>.log`."""
    process = spawn(state, name, [*python, "-m", "awslambdaric", entry], env=env, cwd=root)
    loop = asyncio.get_running_loop()
    function = FunctionProcess(process, loop.create_future())
    pidfd = os.pidfd_open(process.pid)
    loop.add_reader(pidfd, _reap, function, pidfd)
    return function


def _reap(function: FunctionProcess, pidfd: int) -> None:
    """Collect the dead process; `wait4` alone tells the processor time of its whole life."""
    function.ended.get_loop().remove_reader(pidfd)
    os.close(pidfd)
    _kill_group(function)  # whatever the handler started and left behind
    _, status, usage = os.wait4(function.pid, 0)
    returncode = os.waitstatus_to_exitcode(status)
    function.process.popen.returncode = returncode
    function.process.pid_file.unlink(missing_ok=True)
    function.ended.set_result(Ended(returncode, usage.ru_utime + usage.ru_stime))


def _kill_group(function: FunctionProcess) -> None:
    if function.alive:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(function.pid, signal.SIGKILL)
