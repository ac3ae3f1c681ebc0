"""What must outlive a restart of the emulator or of the proxy, in one SQLite file.

`emulate` keeps everything in memory, so the proxy writes each message it accepted here, and
`seed.mjs` reads it back. Tokens and watches live here only. SQLite's write-ahead log without fsync:
a killed process loses nothing, a power cut may.
"""

import json
import sqlite3
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SCHEMA = """
create table if not exists mailboxes (
  address text primary key,
  used integer not null default 0,  -- has ever held a message
  floor text                        -- history older than this is gone
);
create table if not exists messages (
  position integer primary key,
  id text not null unique,
  mailbox text not null,
  thread_id text not null,
  labels text not null,             -- JSON array
  internal_date text not null,      -- ms
  draft_id text,
  refused integer not null,         -- the emulator holds a placeholder, the bytes are here
  raw blob not null
);
create index if not exists messages_by_draft on messages (draft_id) where draft_id is not null;
create table if not exists labels (
  mailbox text not null, id text not null, name text not null, primary key (mailbox, id)
);
create table if not exists tokens (
  token text primary key,
  kind text not null,               -- access or refresh
  mailbox text not null,
  client_id text not null,
  scope text not null,
  expires_at real
);
create table if not exists watches (
  mailbox text primary key, topic text not null, expiration integer not null  -- ms
);
"""


@dataclass(frozen=True, slots=True)
class Grant:
    """One OAuth token and whose it is; `expires_at` in epoch seconds, None for a refresh token."""

    token: str
    kind: Literal["access", "refresh"]
    mailbox: str
    client_id: str
    scope: str
    expires_at: float | None


@dataclass(frozen=True, slots=True)
class Watch:
    mailbox: str
    topic: str
    expiration_ms: int


@dataclass(frozen=True, slots=True)
class StoredMessage:
    id: str
    thread_id: str
    labels: tuple[str, ...]
    internal_date: str


def open_store(path: Path, mailboxes: Iterable[str]) -> sqlite3.Connection:
    """Opens or makes the file, and makes sure these mailboxes exist in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, isolation_level=None, timeout=5)
    db.execute("pragma journal_mode = wal")
    db.execute("pragma synchronous = off")
    db.executescript(SCHEMA)
    db.executemany(
        "insert into mailboxes (address) values (?) on conflict do nothing",
        [(address.lower(),) for address in mailboxes],
    )
    return db


def mailboxes(db: sqlite3.Connection) -> list[str]:
    return [row[0] for row in db.execute("select address from mailboxes order by rowid")]


def floor(db: sqlite3.Connection, mailbox: str) -> int:
    """The oldest history id the emulator still knows; 0 when it has not been restarted."""
    row = db.execute("select floor from mailboxes where address = ?", (mailbox,)).fetchone()
    return int(row[0]) if row and row[0] else 0


def keep_message(
    db: sqlite3.Connection,
    mailbox: str,
    message: StoredMessage,
    raw: bytes,
    *,
    refused: bool = False,
    draft_id: str | None = None,
) -> None:
    db.execute(
        "insert into messages"
        " (id, mailbox, thread_id, labels, internal_date, draft_id, refused, raw)"
        " values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (id) do update set labels = excluded.labels,"
        " thread_id = excluded.thread_id, raw = excluded.raw, draft_id = excluded.draft_id",
        (
            message.id,
            mailbox,
            message.thread_id,
            json.dumps(message.labels),
            message.internal_date,
            draft_id,
            refused,
            raw,
        ),
    )
    db.execute("update mailboxes set used = 1 where address = ? and not used", (mailbox,))


def set_labels(db: sqlite3.Connection, message_id: str, labels: Collection[str]) -> None:
    db.execute(
        "update messages set labels = ? where id = ?", (json.dumps(sorted(labels)), message_id)
    )


def change_labels(
    db: sqlite3.Connection, ids: Iterable[str], add: Collection[str], remove: Collection[str]
) -> None:
    for message_id in ids:
        row = db.execute("select labels from messages where id = ?", (message_id,)).fetchone()
        if row:
            set_labels(db, message_id, (set(json.loads(row[0])) | set(add)) - set(remove))


def drop_messages(
    db: sqlite3.Connection, column: Literal["id", "thread_id", "draft_id"], values: Iterable[str]
) -> None:
    statement = {
        "id": "delete from messages where id = ?",
        "thread_id": "delete from messages where thread_id = ?",
        "draft_id": "delete from messages where draft_id = ?",
    }[column]
    db.executemany(statement, [(value,) for value in values])


def refused_ids(db: sqlite3.Connection) -> set[str]:
    return {row[0] for row in db.execute("select id from messages where refused")}


def raw(db: sqlite3.Connection, message_id: str) -> bytes:
    return db.execute("select raw from messages where id = ?", (message_id,)).fetchone()[0]


def keep_label(db: sqlite3.Connection, mailbox: str, label_id: str, name: str) -> None:
    db.execute(
        "insert into labels values (?, ?, ?) on conflict do update set name = excluded.name",
        (mailbox, label_id, name),
    )


def drop_label(db: sqlite3.Connection, mailbox: str, label_id: str) -> None:
    db.execute("delete from labels where mailbox = ? and id = ?", (mailbox, label_id))


def keep_grant(db: sqlite3.Connection, grant: Grant) -> None:
    db.execute(
        "insert or replace into tokens values (?, ?, ?, ?, ?, ?)",
        (
            grant.token,
            grant.kind,
            grant.mailbox,
            grant.client_id,
            grant.scope,
            grant.expires_at,
        ),
    )


def find_grant(
    db: sqlite3.Connection, token: str, kind: Literal["access", "refresh"]
) -> Grant | None:
    row = db.execute(
        "select * from tokens where token = ? and kind = ? and coalesce(expires_at, 1e12) > ?",
        (token, kind, time.time()),
    ).fetchone()
    return Grant(*row) if row else None


def revoke(db: sqlite3.Connection, token: str) -> None:
    """Revoking one token ends the whole consent, as at Google: the refresh token goes too."""
    db.execute(
        "delete from tokens where (mailbox, client_id) in"
        " (select mailbox, client_id from tokens where token = ?)",
        (token,),
    )


def keep_watch(db: sqlite3.Connection, watch: Watch) -> None:
    db.execute(
        "insert or replace into watches values (?, ?, ?)",
        (watch.mailbox, watch.topic, watch.expiration_ms),
    )


def drop_watch(db: sqlite3.Connection, mailbox: str) -> None:
    db.execute("delete from watches where mailbox = ?", (mailbox,))


def live_watches(db: sqlite3.Connection) -> dict[str, Watch]:
    rows = db.execute("select * from watches where expiration > ?", (time.time() * 1000,))
    return {row[0]: Watch(*row) for row in rows}
