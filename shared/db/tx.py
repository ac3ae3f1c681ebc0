"""Transactions: the only way to the database, and the only place that commits."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, LiteralString, TypeVar, cast
from uuid import UUID

import psycopg
from psycopg import Cursor
from psycopg.errors import ReadOnlySqlTransaction
from psycopg.pq import TransactionStatus
from psycopg.rows import RowFactory, args_row, class_row, dict_row, scalar_row

from events.envelope import Envelope, Event
from shared import outbox
from shared.access import EVERYTHING, NOTHING, Access
from shared.db.auditing import TELL_AUDIT, told_of
from shared.db.connection import Connection, close, connection
from shared.errors import WorkspaceClosing
from shared.origin import current as current_origin

Row = TypeVar("Row")
_NO_WORKSPACE = UUID(int=0)
_BEGIN_REQUEST = "select app.begin_request(%s, %s, %s, %s, %s, %s)"
_TELL_ACTOR = "select set_config('app.actor', %s, true)"
_READS = re.compile(r"\s*select\b", re.IGNORECASE)
_SCALARS = (bool, int, float, str, bytes, UUID, datetime)


class Tx:
    """An open transaction of one workspace.

    Row-level security shows it that workspace's rows alone. Use cases get it as their first
    argument and never commit. `actor` is who acts, as in `Event.actor`; `access` is what they may
    do, which the database holds crm_app to. While the workspace is `closing` (it is to be deleted),
    statements that change something raise `WorkspaceClosing`.
    """

    __slots__ = (
        "_connection",
        "_emitted",
        "_even_closing",
        "_of_opened",
        "_told_actor",
        "access",
        "actor",
        "closing",
        "user_id",
        "workspace_id",
    )

    def __init__(
        self,
        opened: Connection,
        workspace_id: UUID,
        user_id: UUID | None,
        actor: str,
        access: Access = NOTHING,
        *,
        even_closing: bool = False,
    ) -> None:
        self._connection = opened
        self._even_closing = even_closing
        self._emitted: list[Event] = []
        self._of_opened: list[Event] = []
        self._told_actor: str | None = None
        self.workspace_id = workspace_id
        self.user_id = user_id
        self.actor = actor
        self.access = access
        self.closing = False

    def all(self, row: type[Row], query: LiteralString, /, **params: Any) -> list[Row]:
        """Every row as `row`: a model by column names, a scalar by the first column, `dict`, or
        `tuple`. `%(workspace_id)s` is always there to use.
        """
        return self._execute(row, query, params).fetchall()

    def one(self, row: type[Row], query: LiteralString, /, **params: Any) -> Row | None:
        """The first row, or None."""
        return self._execute(row, query, params).fetchone()

    def run(self, query: LiteralString, /, **params: Any) -> int:
        """Run a statement; how many rows it touched."""
        return self._execute(tuple, query, params).rowcount

    def envelope(self, aggregate_id: UUID, aggregate_version: int = 1) -> Envelope:
        """What every event of this transaction has to say: `Event(**tx.envelope(...), ...)`."""
        return Envelope(
            workspace_id=self.workspace_id,
            actor=self.actor,
            aggregate_id=aggregate_id,
            aggregate_version=aggregate_version,
        )

    def emit(self, event: Event) -> None:
        """Record an event: it is written with this transaction or not at all, and published after
        the commit.
        """
        if event.workspace_id != self.workspace_id:
            raise ValueError("an event belongs to the workspace of its transaction")
        self._emitted.append(event)

    def first_times(self, consumer: str, event_ids: Sequence[UUID]) -> set[UUID]:
        """Those of the events that `consumer` sees for the first time; says so once, for ever.

        The marks commit with the consumer's effects, so each effect happens once however often its
        event is delivered.
        """
        marked = self.all(
            UUID,
            """
            insert into inbox (workspace_id, consumer, event_id)
            select %(workspace_id)s, %(consumer)s, id from unnest(%(event_ids)s::uuid[]) as id
            on conflict do nothing
            returning event_id
            """,
            consumer=consumer,
            event_ids=sorted(set(event_ids)),  # one order for all, so that none waits in a circle
        )
        return set(marked)

    @contextmanager
    def savepoint(self) -> Generator[None]:
        """A part of the transaction that may fail alone: where the block raises, what it wrote and
        what it emitted is undone, the transaction stays usable, and the error goes on.
        """
        before = len(self._emitted), len(self._of_opened)
        try:
            with self._connection.transaction():
                yield
        except BaseException:
            del self._emitted[before[0] :], self._of_opened[before[1] :]
            self._told_actor = None  # the database is back at who it was told before
            raise

    @contextmanager
    def opening(self, workspace_id: UUID) -> Generator[Tx]:
        """A workspace that does not exist yet, for the block that creates it. Row-level security
        lets nobody write into another workspace, so a new one is written from inside, where its
        maker may do everything; it commits with the rest of this transaction.

        Raises:
            ValueError: it exists.
            WorkspaceClosing: this transaction's own one takes no changes.
        """
        if self.closing and not self._even_closing:
            raise WorkspaceClosing
        inside = Tx(self._connection, workspace_id, self.user_id, self.actor, EVERYTHING)
        with self.savepoint():
            inside._begin()
            if inside.one(int, "select 1 from workspaces where id = %(workspace_id)s"):
                raise ValueError("only a workspace that does not exist can be opened")
            yield inside
            self._of_opened += inside._written()
            self._begin()

    @contextmanager
    def entering(self, workspace_id: UUID) -> Generator[Tx]:
        """A workspace, for a block of a transaction that is of none: what must happen in several
        at once commits once. Enter them in the order of their ids, as everybody does: each block
        that emits keeps its workspace's feed locked until the end.

        Raises:
            ValueError: the transaction is of a workspace, and sees no other.
        """
        if self.workspace_id != _NO_WORKSPACE:
            raise ValueError("only a transaction of no workspace can enter one")
        inside = Tx(self._connection, workspace_id, self.user_id, self.actor, self.access)
        with self.savepoint():
            inside._begin()
            yield inside
            self._of_opened += inside._written()
            self._begin()

    @contextmanager
    def acting_as(self, actor: str, access: Access | None = None) -> Generator[None]:
        """Let `actor` be who acts in the block, such as an automation in its consumer, with this
        access for the commands that ask. The database is told who before the next statement that
        is not a `select`, for its audit log; it holds crm_app alone to what the access says.
        """
        before = self.actor, self.access
        self.actor, self.access = actor, self.access if access is None else access
        try:
            yield
        finally:
            self.actor, self.access = before

    def _begin(self) -> None:
        """Say to the database whose transaction this is; until its end, or the next such word."""
        workspace_id = None if self.workspace_id == _NO_WORKSPACE else self.workspace_id
        who = self.user_id, str(self.access), self.actor, str(current_origin())
        answer = self._connection.execute(_BEGIN_REQUEST, (workspace_id, *who, self._even_closing))
        self.closing = answer.fetchone() == (True,)
        self._told_actor = self.actor

    def _execute(self, row: type[Row], query: LiteralString, params: dict[str, Any]) -> Cursor[Row]:
        if self._told_actor != self.actor and not _READS.match(query):
            self._connection.execute(_TELL_ACTOR, (self.actor,))
            self._told_actor = self.actor
        params["workspace_id"] = self.workspace_id
        cursor = self._connection.cursor(row_factory=_factory(row))
        try:
            return cursor.execute(query, params)
        except ReadOnlySqlTransaction as error:
            if self.closing:
                raise WorkspaceClosing from error
            raise  # a server that became a reader says so, too

    def _written(self) -> list[Event]:
        """Write what was emitted; every event of the transaction, with its position."""
        appended = self._append_events()
        told = told_of(appended)
        if told is not None:
            self.run(TELL_AUDIT, **told)
        return [*self._of_opened, *appended]

    def _append_events(self) -> list[Event]:
        """Write what was emitted to the feed and the outbox, in order; with their positions.

        As the end of the transaction: taking the feed row's lock orders the commits of one
        workspace, so position order is commit order and a reader of the feed skips nothing.
        """
        if not self._emitted:
            return []
        positions = self.all(
            int,
            """
            with bumped as (
                update feed set position = position + %(count)s
                where workspace_id = %(workspace_id)s
                returning position - %(count)s as base
            ), logged as (
                insert into event_log (workspace_id, id, position, type, payload)
                select %(workspace_id)s, e.id, bumped.base + e.n, e.type, e.payload::jsonb
                from bumped, unnest(%(ids)s::uuid[], %(types)s::text[], %(payloads)s::text[])
                    with ordinality as e (id, type, payload, n)
                returning id, position
            ), queued as (
                insert into outbox (workspace_id, event_id)
                select %(workspace_id)s, id from logged
            )
            select position from logged order by position
            """,
            count=len(self._emitted),
            ids=[event.id for event in self._emitted],
            types=[event.type_name() for event in self._emitted],
            payloads=[event.model_dump_json(exclude={"position"}) for event in self._emitted],
        )
        if len(positions) != len(self._emitted):
            raise RuntimeError(f"workspace {self.workspace_id} has no feed")
        return [
            event.model_copy(update={"position": position})
            for event, position in zip(self._emitted, positions, strict=True)
        ]


@contextmanager
def transaction(
    workspace_id: UUID,
    *,
    user_id: UUID | None = None,
    actor: str | None = None,
    access: Access = NOTHING,
    even_closing: bool = False,
) -> Generator[Tx]:
    """A transaction of `workspace_id`, committed when the block ends and rolled back when it
    raises. Events it emitted are handed to `shared.outbox` after the commit. `access` counts for
    crm_app alone: what answers people; the other roles have rights of their own. `even_closing` is
    for who restores a workspace or deletes it for good: all others but crm_auth change nothing in
    one that is closing.

    Raises:
        WorkspaceClosing: the block changes something in a workspace that is to be deleted.
        psycopg.OperationalError: the database does not answer, even after one new connection.
    """
    opened = _begin()
    actor = actor or (f"user:{user_id}" if user_id else "system")
    tx = Tx(opened, workspace_id, user_id, actor, access, even_closing=even_closing)
    try:
        tx._begin()  # pyright: ignore[reportPrivateUsage] -- same module
        yield tx
        written = tx._written()  # pyright: ignore[reportPrivateUsage] -- same module
        opened.execute("commit")
    except BaseException:
        _rollback(opened)
        raise
    outbox.remember(written)


def resolve(row: type[Row], query: LiteralString, /, **params: Any) -> list[Row]:
    """Rows of a look-up made before a workspace is known.

    For the `app.resolve_*` functions, and crm_auth's look-up of people: every other table shows
    nothing without a workspace.
    """
    opened = _begin()
    try:
        found = opened.cursor(row_factory=_factory(row)).execute(query, params).fetchall()
        opened.execute("commit")
    except BaseException:
        _rollback(opened)
        raise
    return found


@contextmanager
def system_transaction(actor: str) -> Generator[Tx]:
    """A transaction of no workspace, for jobs that work across them; otherwise as `transaction`.

    It shows rows only to a role with a policy of its own, as crm_outbox has on the outbox. Its
    `%(workspace_id)s` is the nil UUID, which no workspace has, so it can emit no event, but where
    it enters a workspace.
    """
    opened = _begin()
    tx = Tx(opened, _NO_WORKSPACE, None, actor)
    try:
        tx._begin()  # pyright: ignore[reportPrivateUsage] -- same module
        yield tx
        written = tx._of_opened  # pyright: ignore[reportPrivateUsage] -- same module
        opened.execute("commit")
    except BaseException:
        _rollback(opened)
        raise
    outbox.remember(written)


def _begin() -> Connection:
    """BEGIN on the current connection, or on a new one where the current one has died."""
    try:
        opened = _free(connection())
        opened.execute("begin")
    except psycopg.OperationalError:
        close()
        opened = _free(connection())
        opened.execute("begin")
    return opened


def _free(opened: Connection) -> Connection:
    """The connection, unless a transaction is open on it: a second one inside would end the first
    one's work and workspace without a word.
    """
    if opened.info.transaction_status != TransactionStatus.IDLE:
        raise RuntimeError("a transaction is open already: pass its Tx on instead of opening one")
    return opened


def _rollback(opened: Connection) -> None:
    try:
        opened.execute("rollback")
    except psycopg.Error:
        close()


def _factory(row: type[Row]) -> RowFactory[Row]:
    if row is dict:
        return cast("RowFactory[Row]", dict_row)
    if row is tuple:
        return cast("RowFactory[Row]", args_row(lambda *values: values))
    if issubclass(row, _SCALARS):
        return cast("RowFactory[Row]", scalar_row)
    return class_row(row)
