"""Ending processes of a running stack the hard way."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, LiteralString

import httpx
import psycopg

from infra_cdk.local.stack import Stack
from infra_cdk.tests.polling import ended, eventually

_MOST_KILLS, _WITHIN_S = 3, 60.0
"""The supervisor gives a service up that dies more often."""


@dataclass(frozen=True)
class Killer:
    """Kills services and functions, and sees them revived; no service too often."""

    stack: Stack
    killed_at: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def service(self, name: str) -> None:
        """Kill a service's process. It is revived by itself."""
        assert eventually(lambda: self.spares(name), within_s=_WITHIN_S)
        pid = self._running(name)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        self.killed_at[name].append(time.monotonic())
        assert eventually(lambda: ended(pid))

    def spares(self, name: str) -> bool:
        """Whether the service may be killed once more."""
        since = time.monotonic() - _WITHIN_S
        return sum(at > since for at in self.killed_at[name]) < _MOST_KILLS

    def pid(self, name: str) -> int | None:
        """A service's process now, None while it is down."""
        try:
            state = json.loads((self.stack.state.run / "state.json").read_text())
            pid = state["services"][name]["pid"]
        except (OSError, ValueError):
            return None
        return None if pid is None or ended(pid) else pid

    def revived(self, name: str) -> None:
        """Wait until a service that was killed runs again and, being a runner, answers."""
        self._running(name)
        if name in ("gateway", "pollers"):
            assert eventually(lambda: _answers(f"{self.stack.runner_url(name)}/_haste/health"))

    def function(self, name: str, *, at: str = "pollers") -> None:
        """Kill a function's process, once it has one."""
        assert eventually(lambda: self.strike(name, at=at))

    def strike(self, name: str, *, at: str = "pollers") -> bool:
        """Kill a function's process if it has one now; whether it had."""
        pid = self.function_pid(name, at=at)
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return eventually(lambda: ended(pid))

    def function_pid(self, name: str, *, at: str = "pollers") -> int | None:
        """The process of a function now."""
        functions = {one["name"]: one["pid"] for one in self._functions(at)}
        return functions.get(name)

    def invocations(self, name: str, *, at: str = "pollers") -> int:
        """How many events a function has had since its runner's start."""
        functions = {one["name"]: one["invocations"] for one in self._functions(at)}
        return functions.get(name, 0)

    def _running(self, name: str) -> int:
        assert eventually(lambda: self.pid(name) is not None, within_s=60), f"{name} is down"
        return self.pid(name) or self._running(name)

    def _functions(self, runner: str) -> list[dict[str, Any]]:
        try:
            answer = httpx.get(
                f"{self.stack.runner_url(runner)}/_haste/functions",
                headers=self.stack.admin_headers,
                trust_env=False,
            )
        except httpx.HTTPError:
            return []
        return answer.json()


@contextmanager
def blocked_writes(stack: Stack, table: str) -> Iterator[None]:
    """While inside, whoever writes to `table` waits in the middle of its transaction."""
    with psycopg.connect(stack.database_url()) as connection:
        connection.execute(f"lock table public.{table} in share mode".encode())
        yield
        connection.rollback()


@contextmanager
def blocked_reads(stack: Stack, table: str) -> Iterator[None]:
    """While inside, whoever reads `table` waits in the middle of its transaction."""
    with psycopg.connect(stack.database_url()) as connection:
        connection.execute(f"lock table public.{table} in access exclusive mode".encode())
        yield
        connection.rollback()


@contextmanager
def blocked_forgetting(stack: Stack) -> Iterator[None]:
    """While inside, whoever has published events waits before taking them out of the outbox."""
    with psycopg.connect(stack.database_url(), autocommit=True) as connection:
        connection.execute("set role crm_owner")
        connection.execute(
            """
            create function app.test_wait() returns trigger language plpgsql as $$ begin
                perform pg_advisory_xact_lock_shared(7); return null;
            end $$;
            create trigger test_wait before delete on public.outbox
                for each statement execute function app.test_wait()
            """
        )
        connection.execute("select pg_advisory_lock(7)")
        try:
            yield
        finally:
            connection.execute("select pg_advisory_unlock(7)")
            connection.execute("drop function app.test_wait cascade")


def waiting(stack: Stack, most: int = 1) -> bool:
    """Whether `most` transactions wait for a lock that a test holds."""
    query: LiteralString = "select count(distinct pid) from pg_locks where not granted"
    with psycopg.connect(stack.database_url()) as connection:
        found = connection.execute(query).fetchone()
    return found is not None and found[0] >= most


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False
