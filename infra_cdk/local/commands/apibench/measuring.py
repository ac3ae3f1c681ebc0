"""Has a row measured: its requests as API Gateway's events, given to a fresh process."""

from __future__ import annotations

import json
import statistics
import sys
import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import psycopg

from infra_cdk.local.commands.apibench.people import Workspace, sampled
from infra_cdk.local.commands.apibench.place import Place
from infra_cdk.local.commands.apibench.rows import MOST_CALLS, PAGE, Row
from infra_cdk.local.commands.apibench.worker import Answer, Work
from infra_cdk.local.commands.failure import CannotDo
from infra_cdk.local.commands.mailrun.run import percentile
from infra_cdk.local.environment import lambda_variables, new_trace_id
from infra_cdk.local.function_environment import environment_for
from infra_cdk.local.gateway_events import Arrival, Event, Request, Stage, to_event, with_authorizer
from infra_cdk.local.processes import log_tail, spawn, stop
from infra_cdk.local.routes import Match, Routes, routes_of
from infra_cdk.local.state import write_atomically
from infra_cdk.registry import declared
from shared.access import EVERYTHING
from shared.wiring import Declared

_WORKER = "infra_cdk.local.commands.apibench.worker"


@dataclass(frozen=True, slots=True)
class Figures:
    """What one row came to. Others read these keys: they are never changed, only added to."""

    name: str
    p50_ms: float
    p95_ms: float
    p99_ms: float
    per_s: float
    statements: int
    bytes: int
    calls: int


def measured(place: Place, workspace: Workspace, row: Row, *, most: int = MOST_CALLS) -> Figures:
    """Call the row's handler, at most so often by the clock, and say how it went.

    Raises:
        CannotDo: a call was not answered with success, or its events were not published.
        ValueError: the row has too few requests.
    """
    sample = sampled(place.database_url(), workspace, PAGE)
    calls = row.calls.at_most(most)
    requests = list(islice(row.requests(sample), calls.all))
    if len(requests) < calls.all:
        raise ValueError(f"{row.name}: {len(requests)} requests are not {calls.all}")
    routes = routes_of(declared())
    matches = [_match(routes, request) for request in requests]
    events = [
        json.dumps(_event(place, workspace, request, match))
        for request, match in zip(requests, matches, strict=True)
    ]
    function = matches[0].route.declared
    cold, clocked = calls.warm_up, calls.warm_up + calls.timed
    work = Work(function.entry, events[:cold], events[cold:clocked], events[clocked:])
    answer = _worked(place, function, work)
    if answer.refused:
        raise CannotDo(f"{row.name}: {answer.refused}")
    _require_published(place, row)
    return _figures(row, answer)


def _match(routes: Routes, request: Request) -> Match:
    match = routes.match(request.path)
    if match is None:
        raise CannotDo(f"No function is declared to answer {request.path}.")
    return match


def _event(place: Place, workspace: Workspace, request: Request, match: Match) -> Event:
    """The event, by the gateway's own code; the caller as the authorizer names them."""
    arrival = Arrival(str(uuid.uuid4()), new_trace_id(), datetime.now(UTC))
    event = to_event(request, match, Stage(place.config.stage, place.config.region), arrival)
    if match.route.public:
        return event
    caller = {
        "workspace_id": str(workspace.id),
        "user_id": str(workspace.user_id),
        "session_id": str(workspace.session_id),
        "access": str(EVERYTHING),
        "principalId": str(workspace.user_id),
        "integrationLatency": 0,
    }
    return with_authorizer(event, caller)


def _worked(place: Place, function: Declared, work: Work) -> Answer:
    folder, config = place.state.run, place.config
    asked, answered = folder / "work.json", folder / "answer.json"
    write_atomically(asked, json.dumps(asdict(work)))
    answered.unlink(missing_ok=True)
    root = Path(config.root)
    process = spawn(
        place.state,
        "worker",
        [sys.executable, "-m", _WORKER, asked, answered],
        env={**lambda_variables(function, root), **environment_for(function, config)},
        cwd=root,
    )
    try:
        process.popen.wait()
    finally:
        stop(process)
    if not answered.exists():
        raise CannotDo(
            f"{function.name} failed. The end of {process.log}:\n{log_tail(process.log)}"
        )
    return Answer(**json.loads(answered.read_text()))


def _require_published(place: Place, row: Row) -> None:
    """A bus that refuses is no failure to the handler, but its time would not be the true one."""
    with psycopg.connect(place.database_url()) as migrator:
        (waiting,) = migrator.execute("select count(*) from outbox").fetchone() or (0,)
    if waiting:
        raise CannotDo(
            f"{row.name}: {waiting} events were not published; {place.state.logs} says why."
        )


def _figures(row: Row, answer: Answer) -> Figures:
    def ms(percent: float) -> float:
        return round(percentile(answer.seconds, percent) * 1000, 2)

    return Figures(
        name=row.name,
        p50_ms=ms(50),
        p95_ms=ms(95),
        p99_ms=ms(99),
        per_s=round(len(answer.seconds) / sum(answer.seconds), 1),
        statements=max(answer.statements),
        bytes=round(statistics.median(answer.bytes)),
        calls=len(answer.seconds),
    )
