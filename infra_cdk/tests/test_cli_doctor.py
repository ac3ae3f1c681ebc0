"""`haste doctor`."""

from __future__ import annotations

import fcntl
import json
import socket
from pathlib import Path

import pytest

from infra_cdk.local.commands import doctor
from infra_cdk.local.commands.doctor import Finding, examine
from infra_cdk.local.state import State
from infra_cdk.tests.demos import haste


def found(state: State, what: str) -> Finding:
    return next(finding for finding in examine(state) if finding.what == what)


def test_this_machine_lacks_nothing(tmp_path: Path) -> None:
    done = haste("doctor", "--json", home=tmp_path)
    assert done.returncode == 0, done.stdout
    report = json.loads(done.stdout)
    assert report["ok"] is True
    assert {one["what"] for one in report["findings"]} >= {
        "Python",
        "System",
        "C library",
        "Python packages",
        "PostgreSQL",
        "Valkey",
        "Node",
        "Lambda runtime client",
        "uv",
        "Data folder",
        "Disk",
        "ministack",
        "emulate",
        "Running",
    }


def test_what_is_missing_is_named_with_its_repair(tmp_path: Path) -> None:
    no_folder = tmp_path / "file"
    no_folder.write_text("in the way")
    done = haste("doctor", home=no_folder)
    assert done.returncode == 1
    assert "✗ Data folder" in done.stdout
    assert "→ set HASTE_HOME" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_PACKAGES", ("json", "no_such_package_at_all"))
    finding = found(State(tmp_path), "Python packages")
    assert finding.level == "missing"
    assert "no_such_package_at_all" in finding.found
    assert finding.repair == "uv sync"


def test_too_little_disk_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_DISK_BYTES", 10**18)
    assert found(State(tmp_path), "Disk").level == "missing"


def test_downloads_to_come_are_told(tmp_path: Path) -> None:
    finding = found(State(tmp_path), "ministack")
    assert (finding.level, "PyPI" in finding.found) == ("note", True)
    (tmp_path / "tools" / "ministack-0123456789ab.partial").mkdir()
    assert found(State(tmp_path), "ministack").level == "note"
    (tmp_path / "tools" / "ministack-0123456789ab").mkdir()
    assert found(State(tmp_path), "ministack").level == "ok"


def test_a_running_instance_is_told(tmp_path: Path) -> None:
    state = State(tmp_path)
    with (state.run / "supervisor.lock").open("w") as lock:
        lock.write("4711\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        finding = found(state, "Running")
        assert (finding.level, "4711" in finding.found) == ("note", True)
    assert found(state, "Running").level == "ok"


def test_a_port_in_use_is_only_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(doctor, "GATEWAY_PORT", port)
        assert found(State(tmp_path), f"Port {port}").level == "note"
