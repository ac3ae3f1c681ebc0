"""The process that measures: a function's handler alone, on one core, as Lambda would call it.

    python -m infra_cdk.local.commands.apibench.worker <work> <answer>

`work` and `answer` are files of JSON, a `Work` and an `Answer`; the environment is the function's.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg
from awslambdaric.lambda_context import LambdaContext

from shared.db.connection import connection

_LEFT_OUT = re.compile(r"\s*(begin|commit)\b")
_DEADLINE_MS = 29_000


@dataclass(frozen=True, slots=True)
class Work:
    """What to call, and with which events, each in JSON: some to get warm, some by the clock, and
    some whose statements are counted, which takes time itself.
    """

    entry: str
    warm_up: Sequence[str]
    timed: Sequence[str]
    counted: Sequence[str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was measured: seconds and body bytes of each timed call, statements of each counted one.

    If a call was not answered with success, the others were not made and `refused` says what came.
    """

    seconds: Sequence[float] = ()
    bytes: Sequence[int] = ()
    statements: Sequence[int] = ()
    refused: str = ""


class Refused(Exception):
    """A call was answered with something else than success."""


class Counting(psycopg.Cursor[Any]):
    """A cursor that counts what it sends."""

    sent = 0

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        Counting.sent += _LEFT_OUT.match(query) is None
        return super().execute(query, params, **options)


def main() -> None:
    work, answer = map(Path, sys.argv[1:])
    _stay_on_one_core()
    try:
        measured = _measured(Work(**json.loads(work.read_text())))
    except Refused as refused:
        measured = Answer(refused=str(refused))
    answer.write_text(json.dumps(asdict(measured)))


def _measured(work: Work) -> Answer:
    module, _, name = work.entry.rpartition(".")
    handler = getattr(import_module(module), name)
    for event in work.warm_up:
        _call(handler, event)
    timed = [_call(handler, event) for event in work.timed]
    return Answer(
        seconds=[seconds for seconds, _ in timed],
        bytes=[size for _, size in timed],
        statements=[_statements(handler, event) for event in work.counted],
    )


def _call(handler: Callable[..., Any], event: str) -> tuple[float, int]:
    """Seconds it took, and bytes of the answer's body."""
    decoded = json.loads(event)
    request_id = decoded["requestContext"]["requestId"]
    context = LambdaContext(request_id, None, None, int(time.time() * 1000) + _DEADLINE_MS)
    began = time.perf_counter()
    answer = handler(decoded, context)
    seconds = time.perf_counter() - began
    if not 200 <= answer["statusCode"] < 300 or _tells_errors(answer["body"]):
        said = f"{answer['statusCode']}: {answer['body'][:500]}"
        raise Refused(f"{decoded['httpMethod']} {decoded['path']} was answered with {said}")
    return seconds, len(answer["body"].encode())


def _tells_errors(body: str) -> bool:
    """Whether it is GraphQL's answer to something that failed, which comes as a 200."""
    return '"errors":' in body and "errors" in json.loads(body)


def _statements(handler: Callable[..., Any], event: str) -> int:
    connection().cursor_factory = Counting
    Counting.sent = 0
    _call(handler, event)
    return Counting.sent


def _stay_on_one_core() -> None:
    if hasattr(os, "sched_setaffinity"):  # not on macOS
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


if __name__ == "__main__":
    main()
