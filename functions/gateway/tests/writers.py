"""Writers for tests: transactions on connections of their own, many open at a time.

`shared.db.transaction` has the one connection of its process; here is what it does, step by step.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import psycopg

from functions.gateway.tests.scenes import sample
from shared.db import Tx, connection
from shared.testing import Database, Workspace

Ending = Literal["commit", "rollback", "die"]


@dataclass(frozen=True)
class Writer:
    """An open transaction and who may kill it."""

    database: Database
    workspace: Workspace
    connection: connection.Connection
    tx: Tx

    @property
    def pid(self) -> int:
        """Its server process."""
        return self.connection.info.backend_pid

    def pause(self, seconds: float) -> None:
        """Let the transaction be slow."""
        self.connection.execute("select pg_sleep(%s)", [seconds])

    def append(self, count: int = 1) -> list[str]:
        """Emit events and take their positions, as the last thing before the end; their ids.

        Waits while another transaction of the workspace is between its positions and its end.
        """
        for _ in range(count):
            self.tx.emit(sample("ContactCreated", self.workspace))
        written = self.tx._written()  # pyright: ignore[reportPrivateUsage] -- as `transaction` does
        return [str(event.id) for event in written]

    def end(self, how: Ending) -> None:
        if how == "die":
            self.die()
        else:
            self.connection.execute(how)

    def die(self) -> None:
        """Its connection breaks, wherever it is."""
        self.database.admin("select pg_terminate_backend(%(pid)s)", pid=self.pid)


@contextmanager
def writing(database: Database, workspace: Workspace) -> Generator[Writer]:
    """A transaction that has begun; rolled back where nothing else ended it."""
    opened = connection.connect(database.url())
    try:
        opened.execute("begin")
        opened.execute("select app.begin_request(%s, %s)", [workspace.id, workspace.user_id])
        tx = Tx(opened, workspace.id, workspace.user_id, f"user:{workspace.user_id}")
        yield Writer(database, workspace, opened, tx)
    finally:
        opened.close()


class Waiting(threading.Thread):
    """A writer that appends and commits in a thread of its own, since it may have to wait."""

    def __init__(self, writer: Writer) -> None:
        super().__init__()
        self._writer = writer
        self.committed: list[str] = []
        self.start()

    def run(self) -> None:
        try:
            appended = self._writer.append()
            self._writer.end("commit")
        except psycopg.OperationalError:
            return
        self.committed += appended
