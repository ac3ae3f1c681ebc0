"""The supervisor: order, revival, giving up, one instance, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import redis

from infra_cdk.local import ministack, postgres, valkey
from infra_cdk.local.processes import Process, ServiceFailed, spawn
from infra_cdk.local.state import State, free_port, open_state
from infra_cdk.local.supervisor import AlreadyRunning, Service, supervise
from infra_cdk.tests.polling import ended, eventually

# A run of its own, as `haste dev` is one: two services, until a signal comes.
A_RUN = """
import sys
from pathlib import Path
from infra_cdk.local import postgres
from infra_cdk.local.processes import spawn
from infra_cdk.local.state import State
from infra_cdk.local.supervisor import Service, supervise
state = State(Path(sys.argv[1]))
services = [
    Service("sleep", lambda: spawn(state, "sleep", ["sleep", "60"]), after=("postgres",)),
    Service("postgres", lambda: postgres.launch(state).process, stop=postgres.shut_down),
]
try:
    with supervise(state, services) as supervisor:
        print("up", flush=True)
        supervisor.wait()
except KeyboardInterrupt:
    print("ended in good order", flush=True)
"""


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path, shared_tools=open_state().tools)


def sleeper(state: State, name: str, *after: str) -> Service:
    return Service(name, lambda: spawn(state, name, ["sleep", "60"]), after=after)


def published(state: State) -> dict[str, int | None]:
    """Name to pid, from `state.json`."""
    services = json.loads((state.run / "state.json").read_text())["services"]
    return {name: service["pid"] for name, service in services.items()}


def kill_and_await_revival(state: State, name: str) -> None:
    """SIGKILL the service, and return once another process has its name."""
    before = published(state)[name]
    assert before is not None
    os.kill(before, signal.SIGKILL)
    assert eventually(lambda: published(state)[name] not in (before, None))


@contextmanager
def a_run(state: State) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", A_RUN, str(state.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        try:
            assert run.stdout.readline() == "up\n"
            yield run
        finally:
            run.kill()


def test_services_start_after_what_they_need_and_stop_before_it(state: State) -> None:
    story: list[str] = []

    def telling(name: str, *after: str) -> Service:
        def start() -> Process:
            story.append(f"start {name}")
            return spawn(state, name, ["sleep", "60"])

        def stop(process: Process) -> None:
            story.append(f"stop {name}")
            process.popen.kill()
            process.popen.wait()

        return Service(name, start, stop=stop, after=after)

    services = [telling("gateway", "bus", "base"), telling("bus", "base"), telling("base")]
    with supervise(state, services):
        assert all(published(state).values())
    assert story == [
        *("start base", "start bus", "start gateway"),
        *("stop gateway", "stop bus", "stop base"),
    ]


def test_slow_services_get_ready_together_but_before_those_that_need_them(state: State) -> None:
    story: list[str] = []

    def slow(name: str, *after: str) -> Service:
        def start() -> Process:
            story.append(f"start {name}")
            return spawn(state, name, ["sleep", "60"])

        def ready() -> bool:
            story.append(f"{name} ready")
            return story.count(f"{name} ready") > 1

        return Service(name, start, ready, after=after)

    with supervise(state, [slow("cache"), slow("base"), slow("gateway", "base")]):
        before_gateway = story[: story.index("start gateway")]
    assert before_gateway == ["start cache", "start base", "base ready", "base ready"]
    assert story.count("cache ready") == 2


def test_leaving_ends_every_process_and_every_trace(state: State) -> None:
    with supervise(state, [sleeper(state, "a"), sleeper(state, "b")]):
        pids = [pid for pid in published(state).values() if pid]
    assert len(pids) == 2
    assert all(ended(pid) for pid in pids)
    assert [path.name for path in state.run.iterdir()] == ["supervisor.lock"]


def test_what_dies_is_started_again(state: State) -> None:
    with supervise(state, [sleeper(state, "a"), sleeper(state, "b")]):
        other = published(state)["b"]
        kill_and_await_revival(state, "a")
        kill_and_await_revival(state, "a")
        assert published(state)["b"] == other


def test_what_keeps_dying_is_given_up_loudly(state: State) -> None:
    broken = Service("broken", lambda: spawn(state, "broken", ["sh", "-c", "echo no disk; exit 3"]))
    with supervise(state, [sleeper(state, "a"), broken]) as supervisor:
        healthy = published(state)["a"]
        assert healthy
        expected = r"broken failed 5 times within 60 s(.|\n)*status 3(.|\n)*no disk"
        with pytest.raises(ServiceFailed, match=expected):
            supervisor.wait()
        assert ended(healthy)


def test_a_service_that_does_not_start_stops_those_that_did(state: State) -> None:
    started: list[Process] = []

    def first() -> Process:
        started.append(spawn(state, "first", ["sleep", "60"]))
        return started[0]

    def second() -> Process:
        raise ServiceFailed("no room")

    services = [Service("first", first), Service("second", second, after=("first",))]
    with pytest.raises(ServiceFailed, match="no room"), supervise(state, services):
        pytest.fail("it never is all up")
    assert not started[0].alive()


def test_a_restart_asked_for_is_no_death(state: State) -> None:
    with supervise(state, [sleeper(state, "a")]) as supervisor:
        before = published(state)["a"]
        for _ in range(6):  # more than the deaths that make it give up
            supervisor.restart("a")
        assert published(state)["a"] not in (before, None)
        with pytest.raises(KeyError):
            supervisor.restart("unknown")


def test_a_second_instance_is_refused_in_plain_words(state: State) -> None:
    with supervise(state, []):
        message = rf"already runs on {state.root} \(process {os.getpid()}\)(.|\n)*HASTE_HOME"
        with pytest.raises(AlreadyRunning, match=message), supervise(state, []):
            pytest.fail("two instances share a folder")
    with supervise(state, []):
        pass  # the lock is free again


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_in_good_order(service_state: State, number: signal.Signals) -> None:
    state = State(service_state.root / f"signalled-{number.name}")
    with a_run(state) as run:
        pids = [pid for pid in published(state).values() if pid]
        run.send_signal(number)
        assert run.stdout is not None
        assert run.stdout.read() == "ended in good order\n"
        assert run.wait() == 0
    assert len(pids) == 2
    assert all(ended(pid) for pid in pids)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has PR_SET_PDEATHSIG")
def test_a_run_that_was_killed_leaves_no_process_and_is_followed_by_another(
    service_state: State,
) -> None:
    state = State(service_state.root / "killed")
    with a_run(state) as run:
        pids = [pid for pid in published(state).values() if pid]
        run.kill()
        run.wait()
        assert eventually(lambda: all(ended(pid) for pid in pids))
    with a_run(state) as run:
        assert all(published(state).values())
        run.send_signal(signal.SIGTERM)
        run.wait()


def test_the_real_services_come_back_on_their_ports_after_a_kill(service_state: State) -> None:
    state = State(service_state.root / "real", shared_tools=service_state.shared_tools)
    ports = {name: free_port() for name in ("postgres", "valkey", "ministack")}
    services = [
        Service(
            "postgres",
            lambda: postgres.launch(state, port=ports["postgres"]).process,
            stop=postgres.shut_down,
        ),
        Service(
            "valkey",
            lambda: valkey.launch(state, port=ports["valkey"], wait=False).process,
            ready=lambda: valkey.serves_all_slots(ports["valkey"]),
        ),
        Service("ministack", lambda: ministack.launch(state, port=ports["ministack"]).process),
    ]
    with supervise(state, services):
        pids = [pid for pid in published(state).values() if pid]
        for name in ports:
            kill_and_await_revival(state, name)
        again = [pid for pid in published(state).values() if pid]
        with redis.Redis(port=ports["valkey"]) as client:
            assert client.ping()
        for name, port in ports.items():
            pid = published(state)[name]
            sockets = psutil.Process(pid).net_connections("tcp")
            assert port in {s.laddr.port for s in sockets if s.status == psutil.CONN_LISTEN}
    assert all(ended(pid) for pid in (*pids, *again))
