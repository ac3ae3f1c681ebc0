"""Has writers write at the same time, and says how many events a second they came to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass

from infra_cdk.local.commands.apibench.people import Workspace
from infra_cdk.local.commands.apibench.place import Place
from infra_cdk.local.commands.failure import CannotDo
from infra_cdk.local.commands.feedbench.workspaces import feeds_with_holes
from infra_cdk.local.commands.feedbench.writer import Work
from infra_cdk.local.commands.mailrun.run import percentile

CONNECTIONS = 8
_WRITER = "infra_cdk.local.commands.feedbench.writer"


@dataclass(frozen=True, slots=True)
class Written:
    """What writing came to. Others read these keys: they are never changed, only added to."""

    workspaces: int
    connections: int
    seconds: float
    events: int
    events_per_s: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


def written(place: Place, workspaces: Sequence[Workspace], seconds: float) -> Written:
    """Write into the workspaces for so many seconds.

    Raises:
        CannotDo: a writer failed, or left a hole in a feed.
    """
    work = Work([str(one.id) for one in workspaces], seconds)
    env = {**os.environ, "HASTE_DATABASE_URL": place.database_url("crm_app")}
    with ExitStack() as stack:
        writers = [stack.enter_context(_started(env, stack)) for _ in range(CONNECTIONS)]
        for writer in writers:
            if _line(writer) != "ready":
                raise _failed(writer)
        for writer in writers:
            _ask(writer, work)
        taken = [one for writer in writers for one in _answer(writer)]
    if holes := feeds_with_holes(place.database_url()):
        raise CannotDo(f"positions are missing or double in {holes} feed(s): Tx loses the order.")
    return _figures(taken, len(workspaces), seconds)


def _started(env: dict[str, str], stack: ExitStack) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", _WRITER],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    stack.callback(process.kill)
    return process


def _ask(writer: subprocess.Popen[str], work: Work) -> None:
    assert writer.stdin is not None
    writer.stdin.write(json.dumps(asdict(work)) + "\n")
    writer.stdin.flush()


def _line(writer: subprocess.Popen[str]) -> str:
    assert writer.stdout is not None
    return writer.stdout.readline().strip()


def _answer(writer: subprocess.Popen[str]) -> list[float]:
    line = _line(writer)
    if not line:
        raise _failed(writer)
    taken: list[float] = json.loads(line)
    return taken


def _failed(writer: subprocess.Popen[str]) -> CannotDo:
    return CannotDo(f"A writer failed with status {writer.wait()}; it says why above.")


def _figures(taken: Sequence[float], workspaces: int, seconds: float) -> Written:
    def ms(percent: float) -> float:
        return round(percentile(taken, percent) * 1000, 2)

    return Written(
        workspaces=workspaces,
        connections=CONNECTIONS,
        seconds=seconds,
        events=len(taken),
        events_per_s=round(len(taken) / seconds, 1),
        p50_ms=ms(50),
        p95_ms=ms(95),
        p99_ms=ms(99),
    )
