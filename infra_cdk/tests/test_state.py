"""The data folder: generated secrets, free ports, and tools that appear whole or not at all."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra_cdk.local.state import CHECKOUT, State, free_port, install_once, open_state, secret


def test_the_home_is_haste_in_the_checkout_unless_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HASTE_TOOLS", raising=False)
    monkeypatch.delenv("HASTE_HOME", raising=False)
    assert open_state().root == CHECKOUT / ".haste"
    monkeypatch.setenv("HASTE_HOME", str(tmp_path / "home"))
    assert open_state().root == tmp_path / "home"
    assert open_state().tools == tmp_path / "home" / "tools"
    monkeypatch.setenv("HASTE_TOOLS", str(tmp_path / "tools"))
    assert open_state().tools == tmp_path / "tools"
    assert open_state(tmp_path / "other").root == tmp_path / "other"


def test_a_secret_is_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    state = State(tmp_path)
    first = secret(state, "postgres-crm_app")
    assert len(first) >= 32
    assert secret(State(tmp_path), "postgres-crm_app") == first
    assert secret(state, "postgres-crm_worker") != first
    assert state.secrets.stat().st_mode & 0o777 == 0o600


def test_secrets_asked_for_at_once_are_all_kept(tmp_path: Path) -> None:
    state = State(tmp_path)
    names = [f"secret-{i % 10}" for i in range(60)]
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda name: secret(state, name), names))
    assert [secret(state, name) for name in names] == made
    assert len(set(made)) == 10


def test_a_free_port_is_free_and_never_an_outgoing_one() -> None:
    with socket.socket() as server:
        port = free_port()
        server.bind(("127.0.0.1", port))
    assert 20_000 <= port < 32_000


def test_a_tool_is_built_once_however_many_want_it(tmp_path: Path) -> None:
    builds: list[Path] = []

    def build(folder: Path) -> None:
        builds.append(folder)
        (folder / "program").write_text("ready")

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: install_once(tmp_path / "tool", build), range(8)))
    assert {(path / "program").read_text() for path in found} == {"ready"}
    assert len(builds) == 1


def test_an_install_that_was_killed_is_begun_again(tmp_path: Path) -> None:
    def killed(folder: Path) -> None:
        (folder / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        install_once(tmp_path / "tool", killed)
    assert not (tmp_path / "tool").exists()
    install_once(tmp_path / "tool", lambda folder: (folder / "whole").touch())
    assert [path.name for path in (tmp_path / "tool").iterdir()] == ["whole"]
