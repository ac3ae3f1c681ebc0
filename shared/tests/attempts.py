"""Attempts at one request from several processes at once, each of which can be killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from shared.testing import Answer, Call


@dataclass
class Environment:
    """An execution environment of its own: a process that runs handlers."""

    process: subprocess.Popen[str] = field(
        default_factory=lambda: subprocess.Popen(
            [sys.executable, "-m", "shared.tests.handler_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
    )

    def handler(self, entry: str) -> Callable[..., dict[str, Any]]:
        """The handler `entry`, run over there with this process's settings."""

        def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
            ours = ("HASTE_", "AWS_")
            settings = {name: v for name, v in os.environ.items() if name.startswith(ours)}
            asked = {"entry": entry, "event": event, "environment": settings}
            assert self.process.stdin
            assert self.process.stdout
            self.process.stdin.write(json.dumps(asked) + "\n")
            self.process.stdin.flush()
            answered = self.process.stdout.readline()
            if not answered:
                raise Killed
            return json.loads(answered)

        return handle

    def kill(self) -> None:
        """End it as a crash does: at once, wherever it is."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """End it, and what connects us."""
        self.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            with suppress(BrokenPipeError):
                assert pipe
                pipe.close()


class Killed(Exception):
    """The process ended before it answered."""


@dataclass
class Crowd:
    """Several environments, each asked by a thread of its own."""

    environments: list[Environment]
    threads: ThreadPoolExecutor

    def ask(self, n: int, call: Call, entry: str, *request: Any, **options: Any) -> Future[Answer]:
        """A request to the `n`th of them, answered when it is."""
        handler = self.environments[n].handler(entry)
        return self.threads.submit(call, handler, *request, **options)

    def at_once(self, call: Call, entry: str, *request: Any, **options: Any) -> list[Answer]:
        """The same request to all of them at once."""
        everyone = range(len(self.environments))
        asked = [self.ask(n, call, entry, *request, **options) for n in everyone]
        return [answer.result(timeout=60) for answer in asked]


@contextmanager
def crowd(size: int) -> Generator[Crowd]:
    """So many environments, ended with the block."""
    environments = [Environment() for _ in range(size)]
    try:
        with ThreadPoolExecutor(size) as threads:
            yield Crowd(environments, threads)
    finally:
        for environment in environments:
            environment.close()
