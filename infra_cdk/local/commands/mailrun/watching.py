"""Looks into the database while mails come in: what is visible since when, and what is still open.

As the migrator and read-only: it sees every row, and takes nothing from the functions under
measurement but a few milliseconds of the database each second.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg.rows import class_row

_LOOK_EVERY_S = 0.05
_OVERLAP = timedelta(seconds=5)
"""How long a transaction may take to commit after it took its time stamp."""

_FINAL_SINCE = """
select provider_id, state, settled_at from mail_ledger
where workspace_id = %(workspace)s and settled_at >= %(since)s
"""
_COUNTS = """
select
    (select count(*) from mail_ledger l
        where l.workspace_id = %(workspace)s and l.settled_at is not null) as final,
    (select count(*) from emails e where e.workspace_id = %(workspace)s) as stored,
    (select count(*) from email_analyses a where a.workspace_id = %(workspace)s) as analyzed,
    (select count(*) from automation_runs r where r.workspace_id = %(workspace)s) as runs,
    (select count(*) from outbox o where o.workspace_id = %(workspace)s) as unpublished,
    (select count(*) from event_log e
        where e.workspace_id = %(workspace)s and e.type = any(%(types)s) and not exists (
            select from inbox i where i.workspace_id = e.workspace_id
                and i.consumer = 'automations' and i.event_id = e.id)) as unhandled,
    (select count(*) from inbox i
        where i.workspace_id = %(workspace)s and i.consumer = 'automations') as handled
"""
_AUTOMATED = (
    "EmailReceived",
    "EmailAnalyzed",
    "ContactCreated",
    "ContactChanged",
    "TaskCreated",
    "TaskChanged",
)


@dataclass(frozen=True, slots=True)
class Counts:
    """Where a workspace's mails are. `final` have reached a final state of the ledger; `handled`
    are events that automations have looked at, `unhandled` those they have not.
    """

    final: int = 0
    stored: int = 0
    analyzed: int = 0
    runs: int = 0
    unpublished: int = 0
    unhandled: int = 0
    handled: int = 0

    def settled(self, mails: int) -> bool:
        """Whether nothing is left to happen about `mails` mails."""
        return (
            self.final >= mails
            and self.analyzed == self.stored
            and self.unhandled == self.unpublished == 0
        )

    def missing(self, mails: int) -> str:
        """What has not happened, in words."""
        open_ends = {
            "mails in no final state": mails - self.final,
            "stored mails not analyzed": self.stored - self.analyzed,
            "events not published": self.unpublished,
            "events automations have not seen": self.unhandled,
        }
        return ", ".join(f"{count} {what}" for what, count in open_ends.items() if count)


@dataclass(slots=True)
class Watcher:
    """Sees a workspace's mails become final. Made by `watching`.

    `seen_at` says by provider id when (`time.monotonic()`) a mail was first seen in a final state.
    Those in `stored` could be read through the API from then on at the latest: it is one commit.
    """

    database_url: str
    workspace: str
    seen_at: dict[str, float] = field(default_factory=dict)
    stored: set[str] = field(default_factory=set)
    changed: threading.Condition = field(default_factory=threading.Condition)
    stopping: threading.Event = field(default_factory=threading.Event)

    def counts(self) -> Counts:
        """Where the mails are now."""
        asked = {"workspace": self.workspace, "types": list(_AUTOMATED)}
        with psycopg.connect(self.database_url) as connection:
            connection.read_only = True
            cursor = connection.cursor(row_factory=class_row(Counts))
            return cursor.execute(_COUNTS, asked).fetchone() or Counts()

    def wait_for(self, true: Callable[[], bool], within_s: float) -> bool:
        """Wait until `true()`, asked after every look; whether it came true in time."""
        with self.changed:
            return self.changed.wait_for(true, within_s)

    def look(self) -> None:
        """Keep looking until told to stop; a database that goes away is tried again."""
        since = datetime.fromtimestamp(0, UTC)
        while not self.stopping.is_set():
            try:
                with psycopg.connect(self.database_url, autocommit=True) as connection:
                    while not self.stopping.wait(_LOOK_EVERY_S):
                        since = self._look_once(connection, since)
            except psycopg.OperationalError:
                self.stopping.wait(0.5)

    def _look_once(self, connection: psycopg.Connection, since: datetime) -> datetime:
        asked = {"workspace": self.workspace, "since": since - _OVERLAP}
        found = connection.execute(_FINAL_SINCE, asked).fetchall()
        now = time.monotonic()
        with self.changed:
            for provider_id, state, settled_at in found:
                self.seen_at.setdefault(provider_id, now)
                if state == "stored":
                    self.stored.add(provider_id)
                since = max(since, settled_at)
            self.changed.notify_all()
        return since


@contextmanager
def watching(database_url: str, workspace: str) -> Generator[Watcher]:
    """While inside, a thread looks every 50 ms."""
    watcher = Watcher(database_url, workspace)
    thread = threading.Thread(target=watcher.look, name="watcher", daemon=True)
    thread.start()
    try:
        yield watcher
    finally:
        watcher.stopping.set()
        thread.join(timeout=5)
