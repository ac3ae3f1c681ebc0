"""Embedded PostgreSQL with pgvector: the PyPI package's programs under our own launcher.

The package's own launcher, run as root, adds a user to the system and opens every folder above the
virtual environment to the world; how ours does without is told in `postgres_cluster.py`.
"""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote

import psycopg
from psycopg import sql

from infra_cdk.local.postgres_cluster import Cluster, open_cluster
from infra_cdk.local.processes import Process, ServiceFailed, spawn, stop, wait_until_ready
from infra_cdk.local.state import State, free_port, secret

_SOCKET_PATH_LIMIT = 107  # bytes in sockaddr_un, unix(7)
_SETTINGS = ("listen_addresses=127.0.0.1", "max_connections=100", "shared_buffers=128MB")
# A test's cluster lives for minutes and is thrown away: it need not survive a power cut.
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")


@dataclass(frozen=True)
class Postgres:
    """A running server. Its databases' owner is the superuser `postgres`."""

    process: Process
    port: int
    state: State

    def password(self, user: str) -> str:
        return secret(self.state, f"postgres-{user}")

    def url(self, user: str = "postgres", database: str = "postgres") -> str:
        """A connection URL. For a role of your own, call `let_in` once after creating it."""
        return (
            f"postgresql://{quote(user)}:{self.password(user)}"
            f"@127.0.0.1:{self.port}/{quote(database)}"
        )

    def let_in(self, user: str) -> None:
        """Give the existing role `user` the right to log in with the password `url` carries."""
        statement = sql.SQL("alter role {} login password {}").format(
            sql.Identifier(user), sql.Literal(self.password(user))
        )
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)

    def stop(self) -> None:
        shut_down(self.process)


def shut_down(process: Process) -> None:
    """PostgreSQL's fast shutdown: roll back what is open, write everything, end."""
    with suppress(ProcessLookupError, subprocess.TimeoutExpired):
        if process.alive():
            # To the postmaster alone: its children give the same signals other meanings.
            os.kill(process.pid, signal.SIGINT)
            process.popen.wait(20)
    stop(process)


def launch(state: State, *, port: int | None = None, durable: bool = True) -> Postgres:
    """Start the state's cluster, created at first use and recovered after a crash.

    `durable=False` trades crash safety for speed. Raises ServiceFailed with the log's end.
    """
    cluster = open_cluster(state)
    port = free_port(port)
    process = spawn(
        state,
        "postgres",
        [cluster.programs / "postgres", "-D", cluster.data, *_options(cluster, port, durable)],
        env=cluster.environment,
        cwd=cluster.home,
        user=cluster.user,
    )
    server = Postgres(process, port, state)
    wait_until_ready(process, lambda: _accepts(server, cluster), within_s=120)
    return server


def _options(cluster: Cluster, port: int, durable: bool) -> list[str]:
    sockets = str(cluster.sockets)
    fits = len(os.fsencode(f"{sockets}/.s.PGSQL.{port}")) <= _SOCKET_PATH_LIMIT
    if not fits or not {",", '"'}.isdisjoint(sockets):  # the setting is a list of quoted paths
        sockets = ""  # TCP alone
    settings = [*_SETTINGS, f"port={port}", f"unix_socket_directories={sockets}"]
    if not durable:
        settings += _FAST
    return [part for setting in settings for part in ("-c", setting)]


def _accepts(server: Postgres, cluster: Cluster) -> bool:
    try:
        psycopg.connect(server.url(), connect_timeout=5).close()
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error):
            stop(server.process)
            raise ServiceFailed(
                f"the cluster in {cluster.home} does not know the password in "
                f"{server.state.secrets}: bring the right one back, or delete that folder to "
                "start with an empty database"
            ) from error
        return False
    return True
