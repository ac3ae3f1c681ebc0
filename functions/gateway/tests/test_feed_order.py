"""The feed under transactions that are slow, fail, or are killed, and clients that are, too.

Positions are taken by the last statement before the commit, under a lock that the commit lets go:
the order of positions is that of the commits. So a client that has seen a position has missed
nothing below it, which is what all of this tries to disprove.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.gateway.tests.scenes import page
from functions.gateway.tests.writers import Ending, Waiting, Writer, writing
from infra_cdk.tests.polling import eventually
from shared.testing import Call, Database, EventsOf, NewWorkspace, Workspace

WRITERS = 8
TRANSACTIONS_EACH = 12
ENDINGS: tuple[Ending, ...] = ("commit", "commit", "commit", "rollback", "die")


@dataclass
class Client:
    """Follows a workspace's feed. What it has got and its cursor are saved together; a page that
    was fetched and not saved, because it was killed in between, is lost to it.
    """

    call: Call
    workspace: Workspace
    cursor: str = ""
    got: list[Any] = field(default_factory=list[Any])

    def poll(self, limit: int, *, killed: bool = False) -> bool:
        """Fetch a page, and live to save it or not; whether there is more."""
        found = page(self.call, self.cursor, f"limit={limit}", workspace=self.workspace)
        if killed:
            return True
        self.got += found["items"]
        self.cursor = found["next_cursor"]
        return found["has_more"]

    def catch_up(self, limit: int) -> None:
        while self.poll(limit):
            pass

    def require_no_hole(self) -> None:
        positions = [item["position"] for item in self.got]
        assert positions == list(range(1, len(positions) + 1))


@pytest.fixture
def client(call: Call, workspace: Workspace) -> Client:
    return Client(call, workspace)


@pytest.fixture
def open_writer(database: Database, workspace: Workspace) -> Iterator[Callable[[], Writer]]:
    """Begins transactions of the workspace."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(writing(database, workspace))


def _waits_for_a_lock(database: Database, writer: Writer) -> bool:
    found = database.admin(
        "select wait_event_type from pg_stat_activity where pid = %(pid)s", pid=writer.pid
    )
    return [one["wait_event_type"] for one in found] == ["Lock"]


def test_a_slow_transaction_comes_where_it_committed(
    client: Client, open_writer: Callable[[], Writer]
) -> None:
    slow, quick = open_writer(), open_writer()
    quick_ids = quick.append(2)
    quick.end("commit")
    client.catch_up(10)
    assert [item["id"] for item in client.got] == quick_ids
    slow_ids = slow.append()
    client.catch_up(10)
    slow.end("commit")
    client.catch_up(10)
    assert [item["id"] for item in client.got] == quick_ids + slow_ids
    client.require_no_hole()


@pytest.mark.parametrize("ending", ["commit", "rollback", "die"])
def test_behind_a_transaction_that_has_its_positions_others_wait(
    client: Client, open_writer: Callable[[], Writer], database: Database, ending: Ending
) -> None:
    """And nobody sees any of them, until it has ended: then its positions are theirs, or free."""
    first, second = open_writer(), open_writer()
    first_ids = first.append(3)
    waiting = Waiting(second)
    assert eventually(lambda: _waits_for_a_lock(database, second))
    client.catch_up(10)
    assert client.got == []
    first.end(ending)
    waiting.join()
    client.catch_up(10)
    committed = first_ids if ending == "commit" else []
    assert [item["id"] for item in client.got] == committed + waiting.committed
    assert len(waiting.committed) == 1
    client.require_no_hole()


def test_who_is_killed_while_waiting_leaves_no_hole(
    client: Client, open_writer: Callable[[], Writer], database: Database
) -> None:
    first, killed, third = open_writer(), open_writer(), open_writer()
    first_ids = first.append()
    waiting = Waiting(killed)
    assert eventually(lambda: _waits_for_a_lock(database, killed))
    killed.die()
    waiting.join()
    first.end("commit")
    third_ids = third.append()
    third.end("commit")
    client.catch_up(1)
    assert waiting.committed == []
    assert [item["id"] for item in client.got] == first_ids + third_ids
    client.require_no_hole()


def _write(
    database: Database, workspaces: list[Workspace], seed: int
) -> list[tuple[Workspace, list[str]]]:
    """One writer's transactions; of those that committed, the workspace and the events."""
    dice = random.Random(seed)
    committed: list[tuple[Workspace, list[str]]] = []
    for _ in range(TRANSACTIONS_EACH):
        workspace = dice.choice(workspaces)
        ending = dice.choice(ENDINGS)
        with writing(database, workspace) as writer:
            writer.pause(dice.uniform(0, 0.02))
            ids = writer.append(dice.randint(1, 3))
            writer.pause(dice.uniform(0, 0.005))
            writer.end(ending)
        if ending == "commit":
            committed.append((workspace, ids))
    return committed


def test_clients_that_are_killed_and_resume_get_each_committed_event_once_and_in_order(
    call: Call, new_workspace: NewWorkspace, database: Database, events_of: EventsOf
) -> None:
    dice = random.Random(7)
    clients = [Client(call, new_workspace()) for _ in range(3)]
    workspaces = [client.workspace for client in clients]
    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(_write, database, workspaces, seed) for seed in range(WRITERS)]
        while not all(writer.done() for writer in writers):
            dice.choice(clients).poll(dice.randint(1, 9), killed=dice.random() < 0.3)
        committed = [one for writer in writers for one in writer.result()]
    for client in clients:
        client.catch_up(5)
        client.require_no_hole()
        got = [item["id"] for item in client.got]
        assert got == [event["payload"]["id"] for event in events_of(client.workspace)]
        theirs = [ids for workspace, ids in committed if workspace == client.workspace]
        assert len(theirs) > 5
        assert sorted(got) == sorted(id for ids in theirs for id in ids)
        for ids in theirs:
            place = got.index(ids[0])
            assert got[place : place + len(ids)] == ids, "a transaction's events stay together"


@dataclass(frozen=True)
class Plan:
    """A transaction to be made, in the workspace of this number."""

    place: int
    events: int
    ending: Ending


READ, LOSE = -1, -2
"""Steps of the client's, beside the writers' numbers: a page that it saves, one that it loses."""


@st.composite
def schedules(draw: st.DrawFn) -> tuple[list[Plan], list[int]]:
    """Some transactions, and an order of steps: each begins, appends and ends once."""
    plan = st.builds(
        Plan,
        place=st.integers(0, 1),
        events=st.integers(1, 3),
        ending=st.sampled_from(["commit", "commit", "rollback", "die"]),
    )
    plans = draw(st.lists(plan, min_size=1, max_size=4))
    reads = draw(st.lists(st.sampled_from([READ, LOSE]), min_size=1, max_size=6))
    steps = [number for number in range(len(plans)) for _ in range(3)] + reads
    return plans, draw(st.permutations(steps))


class Acting:
    """A planned transaction, each step of which runs in a thread, since an append may wait."""

    def __init__(self, database: Database, workspace: Workspace, plan: Plan) -> None:
        self._plan = plan
        self._pool = ThreadPoolExecutor(1)
        self._stack = ExitStack()
        self._begun = lambda: self._stack.enter_context(writing(database, workspace))
        self._steps: list[Future[Any]] = []

    def step(self) -> None:
        """The next of three: begin, append, end."""
        match len(self._steps):
            case 0:
                self._steps.append(self._pool.submit(self._begun))
            case 1:
                self._steps.append(self._pool.submit(self._writer().append, self._plan.events))
            case _ if self._plan.ending == "die":  # also while the append still waits
                self._writer().die()
            case _:
                self._steps.append(self._pool.submit(self._writer().end, self._plan.ending))

    def committed(self) -> list[str]:
        """Its events, once it has ended; none unless it committed."""
        self._pool.shutdown()
        try:
            appended: list[str] = self._steps[1].result()
        except psycopg.OperationalError:
            assert self._plan.ending == "die"
            appended = []
        self._stack.close()
        return appended if self._plan.ending == "commit" else []

    def _writer(self) -> Writer:
        return self._steps[0].result()


@given(schedule=schedules(), limit=st.integers(1, 3))
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_the_schedule_every_committed_event_comes_once_and_in_order(
    schedule: tuple[list[Plan], list[int]],
    limit: int,
    call: Call,
    new_workspace: NewWorkspace,
    database: Database,
    events_of: EventsOf,
) -> None:
    plans, steps = schedule
    clients = [Client(call, new_workspace()) for _ in range(2)]
    actors = [Acting(database, clients[plan.place].workspace, plan) for plan in plans]
    for step in steps:
        if step >= 0:
            actors[step].step()
            continue
        for client in clients:
            client.poll(limit, killed=step == LOSE)
            client.require_no_hole()
    committed = [actor.committed() for actor in actors]
    for number, client in enumerate(clients):
        client.catch_up(limit)
        client.require_no_hole()
        got = [item["id"] for item in client.got]
        assert got == [event["payload"]["id"] for event in events_of(client.workspace)]
        theirs = [ids for plan, ids in zip(plans, committed, strict=True) if plan.place == number]
        assert sorted(got) == sorted(id for ids in theirs for id in ids)
