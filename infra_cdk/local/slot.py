"""One execution environment: at most one process, handling at most one event.

A timeout or a crash ends the process, and the next event starts a new one, as on Lambda.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra_cdk.local.function_process import PYTHON, Ended, FunctionProcess, start
from infra_cdk.local.runtime_api import Invocation, Kind, RuntimeApi, Signal
from infra_cdk.local.state import State
from shared.wiring import Declared

# Lambda gives the import 10 s; a laptop that starts a dozen functions at once needs more.
INIT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one event: a `payload` (JSON bytes), or an `error` as Lambda words it."""

    request_id: str
    payload: bytes = b""
    error: dict[str, Any] | None = None
    timed_out: bool = False
    cold: bool = False

    def json(self) -> Any:
        """The decoded payload. Raises ValueError if it is not JSON."""
        return json.loads(self.payload)


@dataclass(slots=True)
class Counts:
    """What has happened in a slot since it was made."""

    cold_starts: int = 0
    invocations: int = 0
    errors: int = 0
    cpu_s: float = 0.0
    last_used: float = 0.0


class Slot:
    """Runs events one after another; the process is started at the first."""

    def __init__(
        self,
        declared: Declared,
        env: Mapping[str, str],
        root: Path,
        state: State,
        name: str,
        python: Sequence[str] = PYTHON,
    ) -> None:
        self._declared = declared
        self._env = env
        self._root = root
        self._state = state
        self._name = name
        self._python = python
        self._api = RuntimeApi(self._on_signal)
        self._process: FunctionProcess | None = None
        self._turn: asyncio.Future[Signal] | None = None
        self._wanted: tuple[Kind, ...] = ()
        self._busy = False
        self._stale = False
        self.counts = Counts()

    @property
    def api_address(self) -> str:
        """Where the Runtime API listens, empty before the first event."""
        return self._api.address

    @property
    def process(self) -> FunctionProcess | None:
        """The live process, if any."""
        return self._process if self._process is not None and self._process.alive else None

    @property
    def cpu_s(self) -> float:
        """User + system seconds of all the processes this slot has had."""
        return self.counts.cpu_s + (self.process.cpu_s() if self.process else 0.0)

    async def run(self, invocation: Invocation) -> Result:
        """Handle one event. Never called while another is being handled."""
        self._busy = True
        self.counts.invocations += 1
        try:
            result = await self._run(invocation)
        finally:
            self._busy = False
            self.counts.last_used = time.monotonic()
        self.counts.errors += result.error is not None
        return result

    async def stop(self) -> None:
        """End the process: now if it is idle, otherwise after the event it is handling."""
        if self._busy:
            self._stale = True
        else:
            await self._end_process()

    async def close(self) -> None:
        """End the process even in the middle of an event, and the Runtime API."""
        await self._end_process()
        await self._api.close()

    async def _run(self, invocation: Invocation) -> Result:
        if self._stale:
            await self._end_process()
        cold = self.process is None
        problem = await self._make_ready()
        if problem is not None and not cold:  # it ended after its last event: as on Lambda, anew
            await self._end_process()
            cold = True
            problem = await self._make_ready()
        if problem is not None:
            error = await self._failure(problem, invocation.request_id, INIT_SECONDS)
            return Result(invocation.request_id, error=error, cold=cold)
        timeout = self._declared.function.timeout
        self._api.give(invocation, int((time.time() + timeout) * 1000))
        outcome = await self._wait(timeout, "response", "error", "exited", "timeout")
        if outcome.kind == "response":
            return Result(invocation.request_id, payload=outcome.body, cold=cold)
        error = await self._failure(outcome, invocation.request_id, timeout)
        timed_out = outcome.kind == "timeout"
        return Result(invocation.request_id, error=error, timed_out=timed_out, cold=cold)

    async def _make_ready(self) -> Signal | None:
        """Have the runtime client ask for an event; returns None, or what happened instead."""
        if self.process is None:
            if not self._api.address:
                await self._api.start()
            self._stale = False
            self.counts.cold_starts += 1
            env = {**self._env, "AWS_LAMBDA_RUNTIME_API": self._api.address}
            self._process = start(
                self._state, self._name, self._declared.entry, env, self._root, self._python
            )
            self._process.ended.add_done_callback(self._on_end)
        if not self._api.idle:
            happened = await self._wait(INIT_SECONDS, "idle", "init_error", "exited", "timeout")
            if happened.kind != "idle":
                return happened
        return None if self._api.idle else Signal("exited")

    async def _wait(self, seconds: float, *wanted: Kind) -> Signal:
        loop = asyncio.get_running_loop()
        self._wanted = wanted
        self._turn = loop.create_future()
        timer = loop.call_later(seconds, self._on_signal, Signal("timeout"))
        try:
            return await self._turn
        finally:
            timer.cancel()
            self._turn = None

    def _on_signal(self, happened: Signal) -> None:
        turn = self._turn
        if turn is not None and not turn.done() and happened.kind in self._wanted:
            turn.set_result(happened)

    def _on_end(self, ended: asyncio.Future[Ended]) -> None:
        self.counts.cpu_s += ended.result().cpu_s
        self._api.forget_client()
        self._on_signal(Signal("exited"))

    async def _end_process(self) -> None:
        if self._process is not None:
            await self._process.kill()

    async def _failure(self, outcome: Signal, request_id: str, seconds: float) -> dict[str, Any]:
        """The error object the caller gets. The process is ended unless the handler just raised."""
        if outcome.kind == "error":
            return _described(outcome.body)
        await self._end_process()
        if outcome.kind == "init_error":
            return _described(outcome.body)
        if outcome.kind == "timeout":
            error_type, words = "Sandbox.Timedout", f"Task timed out after {seconds:.2f} seconds"
        else:
            error_type, words = "Runtime.ExitError", self._exit_words()
        message = f"RequestId: {request_id} Error: {words}"
        self._log(message, request_id)
        return {"errorType": error_type, "errorMessage": message}

    def _exit_words(self) -> str:
        code = self._process.ended.result().returncode if self._process else 0
        if code < 0:
            return f"Runtime exited with error: signal: {signal.Signals(-code).name}"
        if code == 0:
            return "Runtime exited without providing a reason"
        return f"Runtime exited with error: exit status {code}"

    def _log(self, message: str, request_id: str) -> None:
        """What Lambda's platform would write into the function's log."""
        line = {
            "level": "ERROR",
            "message": message,
            "service": self._declared.name,
            "function_request_id": request_id,
        }
        with (self._state.logs / f"{self._name}.log").open("a") as log:
            log.write(json.dumps(line) + "\n")


def _described(body: bytes) -> dict[str, Any]:
    """The error the runtime client posted; it is the function's, so it may be anything."""
    try:
        error = json.loads(body)
    except ValueError:
        error = None
    if isinstance(error, dict):
        return error
    return {"errorType": "Runtime.Unknown", "errorMessage": body[:1000].decode(errors="replace")}
