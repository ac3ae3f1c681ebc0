"""The queue `realtime`: who is told of what happens, and what becomes of connections."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any
from uuid import UUID, uuid4

import pytest

from events.ai import EmailAnalyzed
from events.auth import SessionRevoked
from events.catalogue import all_events
from events.envelope import Event
from functions.gateway.tests.scenes import sample
from functions.realtime import queries, registry, sessions
from functions.realtime.models import LiveSession
from functions.realtime.tests.conftest import Scene, Socket
from functions.realtime.tests.test_conversation import contact
from shared.db import Tx
from shared.ids import uuid7
from shared.telling import mailbox_of
from shared.testing import Database, NewWorkspace, Workspace


def follows(scene: Scene, person: Workspace, *topics: str) -> Socket:
    """A connection that follows topics, and has heard so."""
    client = scene.connect(person)
    assert client.say("subscribe", topics=topics)[0]["type"] == "subscribed"
    client.heard()
    return client


def changed(place: Workspace, **fields: Any) -> Event:
    return sample("ContactChanged", place, **{"position": 1, **fields})


def mailbox(database: Database, owner: Workspace, sharing: str, mailbox_id: UUID) -> None:
    database.admin(
        """
        insert into mailboxes (workspace_id, id, user_id, provider, address, sharing, credentials)
        values (%(w)s, %(id)s, %(user)s, 'gmail', %(id)s::text || '@example.com', %(sharing)s, '')
        """,
        w=owner.id,
        id=mailbox_id,
        user=owner.user_id,
        sharing=sharing,
    )


@pytest.mark.parametrize("kind", all_events().values(), ids=lambda kind: kind.type_name())
def test_every_event_is_told_on_its_topic_and_its_records(
    scene: Scene, owner: Workspace, database: Database, kind: type[Event]
) -> None:
    event = sample(kind.type_name(), owner, position=7)
    if mailbox_id := mailbox_of(event):
        mailbox(database, owner, "everything", mailbox_id)
    all_of_it = follows(scene, owner, kind.topic)
    one = follows(scene, owner, f"{kind.topic}:{event.aggregate_id}")
    both = follows(scene, owner, kind.topic, f"{kind.topic}:{event.aggregate_id}")
    others = [name for name in ("contacts", "tasks") if name != kind.topic]
    other = follows(scene, owner, f"{kind.topic}:{uuid4()}", *others)
    idle = scene.connect(owner)
    assert scene.happen(event) == []
    published = event.model_dump(mode="json")
    told = {
        "type": kind.type_name(),
        "topic": kind.topic,
        "id": published["aggregate_id"],
        "version": published["aggregate_version"],
        "position": 7,
        "at": event.at.isoformat(),
        "actor": published["actor"],
    }
    assert [client.heard() for client in (all_of_it, one, both)] == [[told]] * 3
    assert [client.heard() for client in (other, idle)] == [[], []]


def test_another_workspace_is_told_nothing(
    scene: Scene, owner: Workspace, new_workspace: NewWorkspace
) -> None:
    theirs = scene.sign_in(new_workspace())
    record = uuid4()
    topics = ("contacts", f"contacts:{record}")
    us, them = follows(scene, owner, *topics), follows(scene, theirs, *topics)
    event, other = changed(owner, aggregate_id=record), changed(theirs, aggregate_id=record)
    assert scene.happen(event) == []
    assert (len(us.heard()), them.heard()) == (1, [])
    assert scene.happen(other, event) == []
    assert [len(us.heard()), len(them.heard())] == [1, 1]


def test_events_that_come_together_are_told_in_their_order(scene: Scene, owner: Workspace) -> None:
    client = follows(scene, owner, "contacts")
    events = [changed(owner, position=n) for n in (3, 1, 2)]
    assert scene.happen(*events) == []
    assert [one["position"] for one in client.heard()] == [1, 2, 3]


def test_nobody_connected_costs_no_statement(
    scene: Scene, owner: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HASTE_DATABASE_URL", "postgresql://127.0.0.1:1/none")
    asked: list[object] = []
    monkeypatch.setattr(sessions, "transaction", asked.append)
    assert scene.happen(changed(owner)) == []
    idle = scene.connect(owner)
    assert scene.happen(changed(owner)) == []
    assert asked == []
    assert idle.heard() == []


@pytest.mark.parametrize(("sharing", "shared"), [("metadata", False), ("everything", True)])
def test_an_analysis_is_told_to_whom_may_read_the_mail(
    scene: Scene, owner: Workspace, database: Database, sharing: str, shared: bool
) -> None:
    member = scene.member(owner, ["emails.read"])
    mine, theirs = follows(scene, owner, "ai"), follows(scene, member, "ai", "emails")
    known = uuid4()
    mailbox(database, owner, sharing, known)
    kind = EmailAnalyzed.type_name()
    event = sample(kind, owner, mailbox_id=known)
    assert scene.happen(event, sample(kind, owner, mailbox_id=uuid4())) == []
    ids = [str(event.aggregate_id)]
    assert [one["id"] for one in mine.heard()] == ids
    assert [one["id"] for one in theirs.heard()] == ids * shared
    # What every member may know of every mail is told.
    received = sample("EmailReceived", owner, mailbox_id=known)
    assert scene.happen(received) == []
    assert [one["type"] for one in theirs.heard()] == ["EmailReceived"]


def test_who_reads_less_than_everything_is_told_of_what_they_can_read_now(
    scene: Scene, owner: Workspace, database: Database
) -> None:
    member = scene.member(owner, ["contacts.read:own"])
    mine = contact(database, owner, member)
    client = follows(scene, member, f"contacts:{mine}")
    events = [changed(owner, aggregate_id=one) for one in (mine, uuid4())]
    assert scene.happen(*events) == []
    assert [one["id"] for one in client.heard()] == [str(mine)]
    database.admin("update contacts set deleted_at = now() where id = %(id)s", id=mine)
    assert scene.happen(sample("ContactDeleted", owner, aggregate_id=mine)) == []
    assert [one["type"] for one in client.heard()] == ["ContactDeleted"]
    database.admin(
        "update contacts set owner_id = %(u)s where id = %(id)s", u=owner.user_id, id=mine
    )
    assert scene.happen(changed(owner, aggregate_id=mine)) == []
    assert client.heard() == []


def test_a_role_that_reads_less_than_before_is_told_less(
    scene: Scene, owner: Workspace, database: Database
) -> None:
    """As a whole a topic is for who reads all of it; what they own they may follow anew."""
    member = scene.member(owner, ["contacts.read", "tasks.read"])
    mine = contact(database, owner, member)
    client = follows(scene, member, "contacts", "tasks")
    assert scene.happen(changed(owner)) == []
    assert len(client.heard()) == 1
    scene.database.admin(
        "update roles set grants = '{contacts.read:own,tasks.read}' where workspace_id = %(w)s",
        w=owner.id,
    )
    scene.later()
    events = (changed(owner), changed(owner, aggregate_id=mine), sample("TaskCreated", owner))
    assert scene.happen(*events) == []
    assert [one["type"] for one in client.heard()] == ["TaskCreated"]


def test_a_session_found_over_is_told_nothing_and_its_connections_closed(
    scene: Scene, owner: Workspace
) -> None:
    member = scene.member(owner, ["contacts.read"])
    client, other = follows(scene, member, "contacts"), follows(scene, owner, "contacts")
    scene.revoke(member)
    assert scene.happen(changed(owner)) == []
    assert len(client.heard()) == 1, "what was read at most 30 seconds ago is trusted"
    scene.later()
    assert scene.happen(changed(owner)) == []
    assert client.heard() == []
    assert not client.is_open
    assert [one.id for one in registry.read(owner.id)[1]] == [other.id]
    assert len(other.heard()) == 2


def test_a_session_is_looked_up_again_after_30_seconds(
    scene: Scene, owner: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    follows(scene, owner, "contacts")
    scene.later()
    looked_up: list[object] = []
    real = queries.read_sessions

    def counted(tx: Tx, session_ids: Collection[UUID]) -> list[LiveSession]:
        looked_up.append(session_ids)
        return real(tx, session_ids)

    monkeypatch.setattr(queries, "read_sessions", counted)
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    for at, times in ((1000.0, 1), (1029.9, 1), (1030.1, 2), (1059.0, 2)):
        clock[0] = at
        assert scene.happen(changed(owner)) == []
        assert len(looked_up) == times


def test_word_that_a_session_is_revoked_closes_its_connections_at_once(
    scene: Scene, owner: Workspace
) -> None:
    member = scene.member(owner, ["contacts.read"])
    first, second = (follows(scene, member, "contacts") for _ in range(2))
    idle, other = scene.connect(member), follows(scene, owner, "contacts", "sessions")
    scene.happen(changed(owner))
    scene.revoke(member)
    word = sample(
        SessionRevoked.type_name(), owner, aggregate_id=member.session_id, user_id=member.user_id
    )
    assert scene.happen(word) == []
    assert [one.is_open for one in (first, second, idle, other)] == [False] * 3 + [True]
    assert [one["type"] for one in other.heard()] == ["ContactChanged", "SessionRevoked"]
    # Should one have been opened meanwhile, nothing that was read before counts.
    _, late = scene.handshake(first.context)
    registry.subscribe(owner.id, late.id, ["contacts"])
    assert scene.happen(changed(owner)) == []
    assert not late.is_open


def test_connections_that_are_gone_are_forgotten(scene: Scene, owner: Workspace) -> None:
    gone, there = (follows(scene, owner, "contacts") for _ in range(2))
    scene.gateway.open.remove(gone.id)
    assert scene.happen(changed(owner)) == []
    assert [one.id for one in registry.read(owner.id)[1]] == [there.id]
    assert len(there.heard()) == 1


def test_what_did_not_reach_somebody_comes_again(scene: Scene, owner: Workspace) -> None:
    bad, good = (follows(scene, owner, "contacts") for _ in range(2))
    event = changed(owner)
    scene.gateway.failing = {bad.id: [403, 403]}
    assert scene.happen(event, sample("TaskCreated", owner)) == ["0"]
    assert (bad.heard(), len(good.heard())) == ([], 1)
    assert scene.happen(event, receives=2) == ["0"]
    assert scene.happen(event, receives=3) == []
    assert [one["id"] for one in bad.heard()] == [str(event.aggregate_id)]


def test_without_the_cache_events_wait(scene: Scene, owner: Workspace, no_cache: None) -> None:
    assert scene.happen(changed(owner)) == ["0"]


def test_a_client_that_ignores_older_versions_ends_where_the_feed_does(
    scene: Scene, owner: Workspace
) -> None:
    """Twice, and in no order: the highest version of each record wins."""
    client = follows(scene, owner, "contacts")
    records = [uuid7() for _ in range(3)]
    events = [
        changed(owner, aggregate_id=record, aggregate_version=version, position=3 * version + n)
        for version in range(1, 5)
        for n, record in enumerate(records)
    ]
    for order in (events[::-1], events[::2], events):
        assert scene.happen(*order) == []
    known: dict[str, int] = {}
    for told in client.heard():
        known[told["id"]] = max(told["version"], known.get(told["id"], 0))
    assert known == {str(record): 4 for record in records}
