"""Attempts at the same request beside each other and after each other's death: one effect."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from fastapi import Request, Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.pq import TransactionStatus

from functions.contacts.api import handler as contacts
from shared.access import EVERYTHING
from shared.auth import Caller
from shared.db import Tx
from shared.encryption import DataKey
from shared.http.idempotency import Once, Replay, StillRunning
from shared.ids import uuid7
from shared.testing import Call, Database, EventsOf, NewWorkspace, Workspace
from shared.tests.attempts import Crowd, Environment, Killed, crowd

URL = "/api/v1/contacts"
ENTRY = "functions.contacts.api.handler"
BODY = {"name": "Ada"}
KEY = {"Idempotency-Key": "the-same"}


@pytest.fixture(scope="module")
def everybody() -> Iterator[Crowd]:
    with crowd(5) as environments:
        yield environments


def _eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)


def _names(database: Database, workspace: Workspace) -> list[str]:
    rows = database.admin(
        "select name from contacts where workspace_id = %(w)s order by name", w=workspace.id
    )
    return [row["name"] for row in rows]


@contextmanager
def _feed_locked(database: Database, workspace: Workspace) -> Generator[psycopg.Connection[Any]]:
    """Nobody commits an event in the workspace meanwhile."""
    with psycopg.connect(database.server.url(database=database.name)) as admin:
        admin.execute("select 1 from feed where workspace_id = %s for update", (workspace.id,))
        yield admin


def _waiting_for_the_feed(database: Database) -> int:
    [row] = database.admin(
        """
        select count(*) as n from pg_stat_activity
        where wait_event_type = 'Lock' and query like '%%update feed%%' and pid <> pg_backend_pid()
        """
    )
    return row["n"]


def test_of_five_attempts_at_once_one_works_and_the_others_are_told_to_come_back(
    everybody: Crowd, call: Call, database: Database, workspace: Workspace, events_of: EventsOf
) -> None:
    """The first is held just before its commit until all the others have been answered."""
    with _feed_locked(database, workspace) as held:
        first = everybody.ask(0, call, ENTRY, "POST", URL, BODY, headers=KEY)
        _eventually(lambda: _waiting_for_the_feed(database) == 1)
        others = [
            everybody.ask(n, call, ENTRY, "POST", URL, BODY, headers=KEY) for n in range(1, 5)
        ]
        refused = [other.result(timeout=60) for other in others]
        held.rollback()
        done = first.result(timeout=60)
    assert [(one.status, one.json["code"]) for one in refused] == [(409, "still_running")] * 4
    assert {one.headers["retry-after"] for one in refused} == {"1"}
    assert (done.status, done.headers.get("idempotency-replayed")) == (201, None)
    for again in everybody.at_once(call, ENTRY, "POST", URL, BODY, headers=KEY):
        assert again.status in (201, 409)
        if again.status == 201:
            assert again.body == done.body
            assert again.headers["idempotency-replayed"] == "true"
    assert _names(database, workspace) == ["Ada"]
    assert len(events_of(workspace)) == 1


def test_without_a_key_five_at_once_are_five(
    everybody: Crowd, call: Call, database: Database, workspace: Workspace
) -> None:
    """The instrument itself: nothing but the key keeps them from it."""
    answers = everybody.at_once(call, ENTRY, "POST", URL, BODY)
    assert [answer.status for answer in answers] == [201] * 5
    assert _names(database, workspace) == ["Ada"] * 5


@pytest.fixture
def doomed(call: Call) -> Iterator[Environment]:
    """A warm environment: it has the workspace's data key, and has not published anything."""
    environment = Environment()
    assert call(environment.handler(ENTRY), "POST", URL, {}, headers=KEY).status == 422
    yield environment
    environment.close()


@pytest.fixture
def silence() -> Iterator[str]:
    """The address of an AWS that listens and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_killed_between_commit_and_answer_the_next_attempt_is_answered_and_nothing_done_twice(
    call: Call,
    database: Database,
    workspace: Workspace,
    events_of: EventsOf,
    doomed: Environment,
    everybody: Crowd,
    silence: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It hangs where it publishes its event, after the commit."""
    with monkeypatch.context() as deaf:
        deaf.setenv("AWS_ENDPOINT_URL", silence)
        asked = everybody.threads.submit(
            call, doomed.handler(ENTRY), "POST", URL, BODY, headers=KEY
        )
        _eventually(lambda: _names(database, workspace) == ["Ada"])
        assert not asked.done()
        doomed.kill()
        with pytest.raises(Killed):
            asked.result(timeout=60)
    again = everybody.ask(0, call, ENTRY, "POST", URL, BODY, headers=KEY).result(timeout=60)
    assert (again.status, again.headers["idempotency-replayed"]) == (201, "true")
    [event] = events_of(workspace)
    assert again.json["id"] == event["payload"]["aggregate_id"]
    assert _names(database, workspace) == ["Ada"]


def test_killed_before_the_commit_nothing_is_left_and_the_next_attempt_does_it(
    call: Call,
    database: Database,
    workspace: Workspace,
    events_of: EventsOf,
    doomed: Environment,
    everybody: Crowd,
) -> None:
    with _feed_locked(database, workspace) as held:
        answered = everybody.threads.submit(
            call, doomed.handler(ENTRY), "POST", URL, BODY, headers=KEY
        )
        _eventually(lambda: _waiting_for_the_feed(database) == 1)
        doomed.kill()
        with pytest.raises(Killed):
            answered.result(timeout=60)
        held.rollback()
    statuses: list[int] = []

    def done() -> bool:
        answer = call(contacts, "POST", URL, BODY, headers=KEY)
        statuses.append(answer.status)
        assert "idempotency-replayed" not in answer.headers
        return answer.status == 201

    _eventually(done)  # Postgres notices the dead client a moment later
    assert set(statuses) <= {201, 409}
    assert _names(database, workspace) == ["Ada"]
    assert len(events_of(workspace)) == 1


@given(asked=st.lists(st.integers(0, 3), min_size=1, max_size=12))
@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_however_many_requests_with_k_keys_there_are_at_once_they_are_k_effects(
    asked: list[int],
    everybody: Crowd,
    call: Call,
    database: Database,
    new_workspace: NewWorkspace,
    events_of: EventsOf,
) -> None:
    """Each of five processes has its share of the requests, and repeats what it must."""
    place = new_workspace()
    answers: dict[int, set[bytes]] = {key: set() for key in asked}

    def work(n: int) -> None:
        handler = everybody.environments[n].handler(ENTRY)
        for key in asked[n::5]:
            headers = {"Idempotency-Key": f"key-{key}"}
            body = {"name": f"Person {key}"}
            while True:
                answer = call(handler, "POST", URL, body, headers=headers, workspace=place)
                if answer.status != 409:
                    break
            assert answer.status == 201, answer.body
            answers[key].add(answer.body)

    for done in [everybody.threads.submit(work, n) for n in range(5)]:
        done.result(timeout=120)
    assert all(len(bodies) == 1 for bodies in answers.values())
    assert _names(database, place) == sorted(f"Person {key}" for key in set(asked))
    assert len(events_of(place)) == len(set(asked))


# Step by step: every attempt on a connection of its own, in whatever order hypothesis draws


class Attempt:
    """An attempt at a request, done a step at a time: claim, effect, answer, end."""

    def __init__(self, connection: psycopg.Connection[Any], place: Workspace, key: int) -> None:
        self.connection = connection
        self.key = key
        self.tx = Tx(connection, place.id, place.user_id, "test")
        scope = {"type": "http", "method": "POST", "path": "/api/v1/contacts", "query_string": b""}
        headers = [(b"idempotency-key", b"key-%d" % key)]
        self.once = Once(Request({**scope, "headers": headers}), b"{}")
        self.once.identify(Caller(place.id, place.user_id, EVERYTHING))
        self.once.cipher = DataKey(place.id, bytes(32))
        self.answer = Response(uuid7().hex, media_type="text/plain")
        self.steps = iter((self._claim, self._act, self._answer))

    def _claim(self) -> None:
        self.connection.execute(
            "select app.begin_request(%s, %s, %s)",
            (self.tx.workspace_id, self.tx.user_id, str(EVERYTHING)),
        )
        self.once.begun(self.tx)

    def _act(self) -> None:
        self.tx.run(
            "insert into contacts (workspace_id, id, name)"
            " values (%(workspace_id)s, gen_random_uuid(), %(name)s)",
            name=f"key {self.key}",
        )

    def _answer(self) -> None:
        self.once.keep(self.answer)


class Desk:
    """Attempts in progress, and every answer that was given for a key."""

    def __init__(self, connections: list[psycopg.Connection[Any]], place: Workspace) -> None:
        self.connections = connections
        self.place = place
        self.open: dict[int, Attempt] = {}
        self.answers: dict[int, set[bytes]] = {}

    def step(self, slot: int, key: int, *, succeed: bool) -> None:
        """The next step of the attempt on that connection, or the first of a new one."""
        attempt = self.open.get(slot)
        if attempt is None:
            attempt = self.open[slot] = Attempt(self.connections[slot], self.place, key)
            self.answers.setdefault(key, set())
        step = next(attempt.steps, None)
        try:
            if step is None:
                self._end(slot, attempt, attempt.answer, commit=succeed)
            else:
                step()
        except StillRunning:
            self._end(slot, attempt, None, commit=False)
        except Replay as replay:
            self._end(slot, attempt, replay.response, commit=True)

    def _end(self, slot: int, attempt: Attempt, answer: Response | None, *, commit: bool) -> None:
        del self.open[slot]
        if not commit:
            attempt.connection.rollback()
            return
        attempt.connection.commit()
        assert answer
        self.answers[attempt.key].add(bytes(answer.body))


@pytest.fixture(scope="module")
def connections(database: Database) -> Iterator[list[psycopg.Connection[Any]]]:
    opened = [psycopg.connect(database.url("crm_app")) for _ in range(4)]
    yield opened
    for connection in opened:
        connection.close()


@given(
    keys=st.integers(1, 3),
    steps=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 2), st.booleans()), min_size=8, max_size=80
    ),
)
@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_interleaving_of_attempts_with_k_keys_yields_k_effects(
    keys: int,
    steps: list[tuple[int, int, bool]],
    connections: list[psycopg.Connection[Any]],
    database: Database,
    new_workspace: NewWorkspace,
) -> None:
    place = new_workspace()
    desk = Desk(connections, place)
    for slot, key, succeed in steps:
        desk.step(slot, key % keys, succeed=succeed)
    while desk.open:  # those half way come to their end
        desk.step(min(desk.open), 0, succeed=True)
    for key in desk.answers:  # and who was given up or told to come back, asks again
        while not desk.answers[key] or desk.open:
            desk.step(0, key, succeed=True)
    assert all(c.info.transaction_status == TransactionStatus.IDLE for c in connections)
    assert all(len(bodies) == 1 for bodies in desk.answers.values())
    assert _names(database, place) == sorted(f"key {key}" for key in desk.answers)
