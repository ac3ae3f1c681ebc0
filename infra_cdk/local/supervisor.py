"""Keeps the laptop's services running: starts them in order, revives what dies, stops them all.

    with supervise(state, services) as supervisor:
        supervisor.wait()

One thread does all the starting, because on Linux a child is killed when the thread that started
it ends (see `processes.spawn`); this one ends after its last child.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

from infra_cdk.local import processes
from infra_cdk.local.processes import Process, ServiceFailed, log_tail, reap_stale, wait_until_ready
from infra_cdk.local.state import State, write_atomically

_LOG = logging.getLogger("haste")
_LOOK_EVERY_S = 0.1
_MOST_DEATHS, _WITHIN_S = 5, 60.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 10.0


@dataclass(frozen=True)
class Service:
    """Something to keep running.

    `start` is called again after each death and must choose the same ports every time. It may
    return early if `ready` then tells when the service can be used; those named in `after` are
    ready before it is started. `url` is only published, in `state.json`.
    """

    name: str
    start: Callable[[], Process]
    ready: Callable[[], bool] = lambda: True
    stop: Callable[[Process], None] = processes.stop
    after: tuple[str, ...] = ()
    url: str = ""


class AlreadyRunning(Exception):
    """Another instance uses this data folder."""


@dataclass
class _Watched:
    """A service and what has become of it. `process` is None while it is down."""

    service: Service
    process: Process | None = None
    deaths: list[float] = field(default_factory=list)
    start_at: float = 0.0


@contextmanager
def supervise(state: State, services: Sequence[Service]) -> Iterator[Supervisor]:
    """All services up; on leaving, all stopped. The only way to get a Supervisor.

    Raises AlreadyRunning, or ServiceFailed if one does not start. What an earlier, killed run left
    behind is ended first. SIGTERM becomes KeyboardInterrupt, as SIGINT is, so that both leave the
    block in good order.
    """
    with _only_instance(state), _interrupted_by_sigterm():
        for name in reap_stale(state):
            _LOG.warning("ended %s, left behind by an earlier run", name)
        supervisor = Supervisor(state, services)
        try:
            supervisor.begin()
            yield supervisor
        finally:
            supervisor.end()


class Supervisor:
    """The handle of the supervising thread. Its methods may be called from any thread."""

    def __init__(self, state: State, services: Sequence[Service]) -> None:
        self._state = state
        self._watched = {s.name: _Watched(s) for s in _in_order(services)}
        self._requests: queue.SimpleQueue[tuple[str, Future[None]] | None] = queue.SimpleQueue()
        self._outcome: Future[None] = Future()
        self._all_up: Future[None] = Future()
        self._thread = threading.Thread(target=self._work, name="supervisor", daemon=True)

    def begin(self) -> None:
        """Start every service. Raises the ServiceFailed of the first that does not."""
        self._thread.start()
        self._all_up.result()

    def wait(self) -> None:
        """Return when `end` is called; raise ServiceFailed when a service is given up."""
        self._outcome.result()

    def end(self) -> None:
        """Stop every service, the last started first, and return when all are gone."""
        self._requests.put(None)
        if self._thread.ident is not None:
            self._thread.join()

    def restart(self, name: str) -> None:
        """Stop and start one service, in good order, and return when it is ready again."""
        done: Future[None] = Future()
        self._requests.put((name, done))
        wait((done, self._outcome), return_when=FIRST_COMPLETED)
        if not done.done():
            raise ServiceFailed(f"{name} is not started again: the services are being stopped")
        done.result()

    def _work(self) -> None:
        failure: Exception | None = None
        try:
            self._start_all()
            _settle(self._all_up, None)
            while self._obey():
                for watched in self._watched.values():
                    self._look_after(watched)
        except Exception as error:  # reported to whoever waits
            failure = error
        self._stop_all()
        _settle(self._all_up, failure)
        _settle(self._outcome, failure)

    def _start_all(self) -> None:
        """Start each as soon as what it needs is ready, so that slow ones get ready together."""
        pending: dict[str, _Watched] = {}
        for name, watched in self._watched.items():
            if not self._requests.empty():  # asked to end before all is up
                return
            for needed in watched.service.after:
                if needed in pending:
                    _await(pending.pop(needed))
            self._start(watched)
            pending[name] = watched
        for watched in pending.values():
            _await(watched)

    def _obey(self) -> bool:
        """Carry out the next request, if one comes soon; False when asked to end."""
        try:
            request = self._requests.get(timeout=_LOOK_EVERY_S)
        except queue.Empty:
            return True
        if request is None:
            return False
        name, done = request
        try:
            watched = self._watched[name]
            self._stop(watched)
            self._start(watched)
            _await(watched)
            done.set_result(None)
        except Exception as error:  # the caller's to handle; the service is revived like any other
            done.set_exception(error)
        return True

    def _look_after(self, watched: _Watched) -> None:
        """Notice a death; start again what is down and due."""
        process = watched.process
        if process is not None and not process.alive():
            status = process.popen.returncode
            self._stop(watched)  # its children
            self._plan_revival(watched, f"ended with status {status}:\n{log_tail(process.log)}")
        if watched.process is None and time.monotonic() >= watched.start_at:
            try:
                self._start(watched)
                _await(watched)
            except Exception as error:
                self._stop(watched)
                self._plan_revival(watched, f"did not start: {error}")

    def _plan_revival(self, watched: _Watched, why: str) -> None:
        now = time.monotonic()
        name = watched.service.name
        watched.deaths = [t for t in watched.deaths if now - t < _WITHIN_S] + [now]
        if len(watched.deaths) >= _MOST_DEATHS:
            raise ServiceFailed(
                f"{name} failed {_MOST_DEATHS} times within {_WITHIN_S:.0f} s; the last time it "
                f"{why}"
            )
        pause = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** (len(watched.deaths) - 1))
        watched.start_at = now + pause
        _LOG.warning("%s is down and starts again in %.1f s: it %s", name, pause, why)

    def _start(self, watched: _Watched) -> None:
        watched.process = watched.service.start()
        self._publish()

    def _stop(self, watched: _Watched) -> None:
        if watched.process is not None:
            watched.service.stop(watched.process)
            watched.process = None
            self._publish()

    def _stop_all(self) -> None:
        for watched in reversed(self._watched.values()):
            try:
                self._stop(watched)
            except Exception:  # the others must be stopped all the same
                _LOG.exception("%s could not be stopped", watched.service.name)
        (self._state.run / "state.json").unlink(missing_ok=True)

    def _publish(self) -> None:
        """Write `.haste/run/state.json`: what runs, for other commands and for people."""
        services = {
            name: {
                "pid": watched.process.pid if watched.process else None,
                "url": watched.service.url,
                "log": str(self._state.logs / f"{name}.log"),
                "recent_deaths": len(watched.deaths),
            }
            for name, watched in self._watched.items()
        }
        described = {"pid": os.getpid(), "services": services}
        write_atomically(self._state.run / "state.json", json.dumps(described, indent=2) + "\n")


def _await(watched: _Watched) -> None:
    """Return when the service is ready; raises ServiceFailed, the process ended, if it never is."""
    if watched.process is not None:
        wait_until_ready(watched.process, watched.service.ready, within_s=60)
        _LOG.info("%s is ready", watched.service.name)


def _settle(future: Future[None], failure: Exception | None) -> None:
    if future.done():
        return
    if failure is None:
        future.set_result(None)
    else:
        future.set_exception(failure)


def _in_order(services: Sequence[Service]) -> list[Service]:
    """Every service after those it needs. Raises KeyError for an unknown name in `after`."""
    by_name = {service.name: service for service in services}
    graph = {service.name: service.after for service in services}
    return [by_name[name] for name in TopologicalSorter(graph).static_order()]


@contextmanager
def _only_instance(state: State) -> Iterator[None]:
    """Hold the data folder's lock, which the kernel drops when we die."""
    with (state.run / "supervisor.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise AlreadyRunning(
                f"hasteCRM already runs on {state.root} (process {lock.read().strip() or '?'}). "
                "Stop that one, or set HASTE_HOME to another folder."
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


@contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # only there are signals handled
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
