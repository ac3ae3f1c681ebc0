"""Processes: started apart, logged, and ended for certain, without ending a stranger."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from infra_cdk.local.processes import (
    ServiceFailed,
    cpu_seconds,
    reap_stale,
    spawn,
    stop,
    wait_until_ready,
)
from infra_cdk.local.state import State
from infra_cdk.tests.polling import ended, eventually

PYTHON = sys.executable

# A leader with one child in its group and one in a session of its own, all deaf to SIGTERM.
STUBBORN_FAMILY = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sleep = [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); "
         "print('deaf', flush=True); time.sleep(60)"]
children = [subprocess.Popen(sleep, stdout=subprocess.PIPE, start_new_session=apart)
            for apart in (False, True)]
for child in children:
    child.stdout.readline()
print("pids", *(child.pid for child in children), flush=True)
time.sleep(60)
"""


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path)


def pids_printed(log: Path) -> list[int]:
    assert eventually(lambda: "pids " in log.read_text())
    line = next(line for line in log.read_text().splitlines() if line.startswith("pids "))
    return [int(pid) for pid in line.split()[1:]]


def test_stopping_ends_the_process_its_group_and_its_runaway_children(state: State) -> None:
    process = spawn(state, "family", [PYTHON, "-c", STUBBORN_FAMILY])
    children = pids_printed(process.log)
    stop(process, grace_s=0.1)
    assert not process.alive()
    assert [ended(pid) for pid in children] == [True, True]
    assert not process.pid_file.exists()


def test_a_polite_process_ends_by_sigterm(state: State) -> None:
    process = spawn(state, "polite", ["sleep", "60"])
    # Until then it is the launcher, still on its way to becoming `sleep`.
    assert eventually(lambda: psutil.Process(process.pid).name() == "sleep")
    stop(process)
    assert process.popen.returncode == -signal.SIGTERM


def test_stopping_what_already_ended_is_fine(state: State) -> None:
    process = spawn(state, "short", ["true"])
    process.popen.wait()
    stop(process)
    stop(process)


def test_it_leads_a_session_and_logs_its_output(state: State) -> None:
    process = spawn(state, "talker", ["sh", "-c", "echo out; echo err >&2; ps -o sid= $$"])
    process.popen.wait()
    assert process.log.read_text().split() == ["out", "err", str(process.pid)]


def test_the_environment_given_is_the_environment_it_has(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the person at the keyboard")
    process = spawn(state, "env", ["/usr/bin/env"], env={"ONLY": "this"})
    process.popen.wait()
    names = {line.split("=")[0] for line in process.log.read_text().splitlines()}
    assert "ONLY" in names
    assert "AWS_SECRET_ACCESS_KEY" not in names


def test_a_large_log_is_set_aside_at_the_next_start(state: State) -> None:
    (state.logs / "talker.log").write_bytes(b"x" * 5_000_001)
    process = spawn(state, "talker", ["echo", "new"])
    process.popen.wait()
    assert process.log.read_text() == "new\n"
    assert (state.logs / "talker.log.1").stat().st_size == 5_000_001


def test_a_program_that_is_missing_is_named(state: State) -> None:
    process = spawn(state, "missing", ["no-such-program"])
    with pytest.raises(ServiceFailed, match="cannot start no-such-program: No such file"):
        wait_until_ready(process, lambda: False)


def test_what_never_answers_is_stopped_and_its_log_shown(state: State) -> None:
    process = spawn(state, "mute", ["sh", "-c", "echo I am stuck; sleep 60"])
    assert eventually(lambda: "stuck" in process.log.read_text())
    with pytest.raises(ServiceFailed, match=r"did not answer within 0 s(.|\n)*I am stuck"):
        wait_until_ready(process, lambda: False, within_s=0)
    assert not process.alive()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has PR_SET_PDEATHSIG")
def test_a_child_dies_when_its_parent_is_killed(state: State) -> None:
    script = (
        "from pathlib import Path\n"
        "from infra_cdk.local.processes import spawn\n"
        "from infra_cdk.local.state import State\n"
        f"child = spawn(State(Path({str(state.root)!r})), 'child', ['sleep', '60'])\n"
        "print(child.pid, flush=True)\n"
        "child.popen.wait()\n"
    )
    with subprocess.Popen([PYTHON, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert eventually(lambda: psutil.Process(child).name() == "sleep")
        parent.kill()
    assert eventually(lambda: ended(child))


def test_leftovers_of_a_killed_run_are_reaped(state: State) -> None:
    process = spawn(state, "left", [PYTHON, "-c", STUBBORN_FAMILY])
    children = pids_printed(process.log)
    assert reap_stale(state) == ["left"]
    assert [ended(pid) for pid in (process.pid, *children)] == [True, True, True]
    assert not process.alive()
    assert reap_stale(state) == []


def test_orphans_are_reaped_when_their_leader_is_gone(state: State) -> None:
    process = spawn(state, "headless", [PYTHON, "-c", STUBBORN_FAMILY])
    in_group, in_own_session = pids_printed(process.log)
    process.popen.kill()
    process.popen.wait()
    assert reap_stale(state) == ["headless"]
    assert ended(in_group)
    os.kill(in_own_session, signal.SIGKILL)  # beyond reach: nothing links it to us any more


def test_a_stranger_with_a_recycled_pid_is_not_killed(state: State) -> None:
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        created = psutil.Process(stranger.pid).create_time()
        record = {"pid": stranger.pid, "created": created - 100}
        (state.run / "valkey.pid").write_text(json.dumps(record))
        assert reap_stale(state) == []
        assert stranger.poll() is None
        assert not (state.run / "valkey.pid").exists()
    finally:
        stranger.kill()
        stranger.wait()


def test_strangers_in_the_session_of_a_recycled_pid_are_not_killed(state: State) -> None:
    leader = subprocess.Popen(
        ["sh", "-c", "sleep 60 & echo $!"], start_new_session=True, stdout=subprocess.PIPE
    )
    assert leader.stdout is not None
    stranger = int(leader.stdout.readline())
    leader.wait()
    leader.stdout.close()
    try:
        (state.run / "valkey.pid").write_text(json.dumps({"pid": leader.pid, "created": 1.0}))
        assert reap_stale(state) == []
        assert not ended(stranger)
    finally:
        os.kill(stranger, signal.SIGKILL)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x"}', '{"pid": 1}'])
def test_a_broken_pid_file_is_thrown_away(state: State, content: str) -> None:
    (state.run / "valkey.pid").write_text(content)
    assert reap_stale(state) == []
    assert not (state.run / "valkey.pid").exists()


def test_cpu_seconds_count_children_that_have_ended(state: State) -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    script = f"import subprocess, sys, time; subprocess.run([sys.executable, '-c', {burn!r}]); "
    process = spawn(
        state, "burner", [PYTHON, "-c", script + "print('pids', 0, flush=True); time.sleep(60)"]
    )
    pids_printed(process.log)
    own = psutil.Process(process.pid).cpu_times()
    assert cpu_seconds(process.pid) - own.user - own.system >= 0.25
    stop(process, grace_s=1)
