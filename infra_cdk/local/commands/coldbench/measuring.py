"""Has a function's cold start measured: fresh processes, one after another, on one core."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra_cdk.local.commands.coldbench.imports import Import, heaviest
from infra_cdk.local.commands.coldbench.place import Place
from infra_cdk.local.commands.failure import CannotDo
from infra_cdk.local.environment import lambda_variables
from infra_cdk.local.function_environment import environment_for
from infra_cdk.local.processes import log_tail
from infra_cdk.local.recorded_events import recorded
from infra_cdk.local.unpacking import BARE_PYTHON, Unpacked
from shared.wiring import Declared

HEAVIEST = 5
HTTP_MS, GRAPHQL_MS, WEBHOOK_MS = 1200.0, 1600.0, 500.0
_PROGRAM = Path(__file__).with_name("first.py")
_PATIENCE_S = 120


@dataclass(frozen=True, slots=True)
class Start:
    """One cold start. Times in ms: of the bare interpreter until it runs a program, until the
    handler is imported, and until its first answer.
    """

    interpreter_ms: float
    import_ms: float
    first_request_ms: float
    import_cpu_ms: float
    first_request_cpu_ms: float
    memory_mb: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What a function came to. Others read these keys: they are never changed, only added to."""

    name: str
    import_ms: float
    first_request_ms: float
    memory_mb: float
    heaviest: tuple[Import, ...]
    budget_ms: float | None
    unzipped_bytes: int
    import_cpu_ms: float
    first_request_cpu_ms: float
    packages: tuple[Import, ...]
    trigger: str


def budget_ms(one: Declared) -> float | None:
    """What import plus first request may take, where something is promised."""
    prefixes = [http.prefix for http in one.function.http]
    if not prefixes:
        return None
    if any(prefix.startswith("/webhooks/") for prefix in prefixes):
        return WEBHOOK_MS
    return GRAPHQL_MS if any(prefix.endswith("/graphql") for prefix in prefixes) else HTTP_MS


def measured(
    place: Place, one: Declared, unpacked: Unpacked, runs: int, unzipped_bytes: int
) -> tuple[Figures, Sequence[Start]]:
    """The medians of `runs` starts, and the starts; one more before them tells of the imports, and
    has the files read once.

    Raises:
        CannotDo: an event was not answered as it should be.
    """
    with _on_one_core():
        told, _ = _started(place, one, unpacked, "-X", "importtime")
        starts = [_started(place, one, unpacked)[1] for _ in range(runs)]
    imports = heaviest(told, HEAVIEST)

    def median(figure: Callable[[Start], float]) -> float:
        return round(statistics.median(map(figure, starts)), 1)

    figures = Figures(
        name=one.name,
        import_ms=median(lambda start: start.import_ms),
        first_request_ms=median(lambda start: start.first_request_ms),
        memory_mb=median(lambda start: start.memory_mb),
        heaviest=imports.heaviest,
        budget_ms=budget_ms(one),
        unzipped_bytes=unzipped_bytes,
        import_cpu_ms=median(lambda start: start.import_cpu_ms),
        first_request_cpu_ms=median(lambda start: start.first_request_cpu_ms),
        packages=imports.packages,
        trigger=recorded(one, place.known)[0].trigger,
    )
    return figures, starts


def _started(place: Place, one: Declared, unpacked: Unpacked, *options: str) -> tuple[str, Start]:
    """A fresh process for the function's first event: what it printed, and its figures."""
    event = recorded(one, place.known)[0]
    asked, answered = place.state.run / "event.json", place.state.run / "answer.json"
    asked.write_text(json.dumps(event.event))
    answered.unlink(missing_ok=True)
    log = place.state.logs / f"{one.name}.log"
    command = [*BARE_PYTHON, "-P", *options, _PROGRAM, one.entry, asked, answered]
    with log.open("wb") as output:
        began = time.monotonic()
        subprocess.run(
            command,
            env=_environment(place, one, unpacked),
            cwd=unpacked.task,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            timeout=_PATIENCE_S,
            check=False,
        )
    if not answered.exists():
        raise CannotDo(f"{one.name} did not start. The end of {log}:\n{log_tail(log)}")
    told: dict[str, Any] = json.loads(answered.read_text())
    if wrong := event.wrong(told["answer"], told["error"]):
        raise CannotDo(f"{one.name}: {wrong}. See {log}.")
    return log.read_text(errors="replace"), _start(told, began)


def _environment(place: Place, one: Declared, unpacked: Unpacked) -> dict[str, str]:
    return {
        **lambda_variables(one, unpacked.task),
        **environment_for(one, place.config),
        **unpacked.environment,
    }


def _start(told: Mapping[str, float], began: float) -> Start:
    imported = told["imported"] - began
    return Start(
        interpreter_ms=1000 * (told["started"] - began),
        import_ms=1000 * imported,
        first_request_ms=1000 * (imported + told["request"]),
        import_cpu_ms=1000 * told["import_cpu"],
        first_request_cpu_ms=1000 * (told["import_cpu"] + told["request_cpu"]),
        memory_mb=told["peak_kb"] / 1024,
    )


@contextmanager
def _on_one_core() -> Generator[None]:
    """What is started meanwhile stays on one core, from its first instruction; we do too."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
