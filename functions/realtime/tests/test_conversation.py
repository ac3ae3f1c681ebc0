"""What clients say and are answered, through the handlers, with a real cache and database."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from functions.gateway.tests.scenes import emit, sample
from functions.realtime import queries, registry
from functions.realtime.models import MOST_TOPICS, RESUMED_AT_MOST
from functions.realtime.tests.conftest import Scene
from shared.feed import feed_cursor
from shared.testing import Database, NewWorkspace, Workspace


def contact(database: Database, place: Workspace, owner: Workspace | None = None) -> UUID:
    """A contact, and whose it is."""
    made = uuid4()
    database.admin(
        """
        insert into contacts (workspace_id, id, name, tags, owner_id)
        values (%(workspace)s, %(id)s, 'Ada', '{}', %(owner)s)
        """,
        workspace=place.id,
        id=made,
        owner=owner.user_id if owner else None,
    )
    return made


@pytest.fixture
def happened(as_role: Callable[[str], None]) -> Callable[..., list[str]]:
    """Commit events; nobody is told."""

    def commit(place: Workspace, *events: Any) -> list[str]:
        as_role("crm_worker")
        return emit(place, *events)

    return commit


def test_to_subscribe_is_answered_by_topics_and_a_cursor(scene: Scene, owner: Workspace) -> None:
    client = scene.connect(owner)
    record = f"contacts:{uuid4()}"
    [first] = client.say("subscribe", topics=["tasks", record], ref="7")
    assert first == {
        "type": "subscribed",
        "topics": [record, "tasks"],
        "next_cursor": feed_cursor(owner.id, 0),
        "ref": "7",
    }
    [second] = client.say("subscribe", topics=["ai", "tasks"])
    assert second["topics"] == ["ai", record, "tasks"]
    assert "ref" not in second
    [third] = client.say("unsubscribe", topics=["tasks", "nothing"])
    assert third == {"type": "unsubscribed", "topics": ["ai", record]}
    assert client.say("ping") == [{"type": "pong", "topics": ["ai", record]}]


@pytest.mark.parametrize(
    ("message", "pointers"),
    [
        ("no JSON", [""]),
        ("[]", [""]),
        ('{"action": "dance"}', [""]),
        ('{"topics": ["contacts"]}', [""]),
        ('{"action": "subscribe"}', ["/topics"]),
        ('{"action": "subscribe", "topics": "contacts"}', ["/topics"]),
        ('{"action": "subscribe", "topics": ["contacts", 1]}', ["/topics/1"]),
        ('{"action": "subscribe", "topics": ["contacts"], "after": 7}', ["/after"]),
        ('{"action": "view", "type": "contacts", "id": "7"}', ["/id"]),
        ('{"action": "ping", "more": 1}', ["/more"]),
        (json.dumps({"action": "subscribe", "topics": ["x"] * 101}), ["/topics"]),
        (json.dumps({"action": "ping", "ref": "x" * 65}), ["/ref"]),
        ('{"action": "ping", "after": "\\ud800"}', None),
    ],
)
def test_what_is_no_message_is_said_so(
    scene: Scene, owner: Workspace, message: str, pointers: list[str] | None
) -> None:
    client = scene.connect(owner)
    [error] = client.said(message)
    assert error["type"] == "error"
    if pointers is not None:
        assert error["code"] == "invalid_message"
        assert [one["pointer"] for one in error["errors"]] == pointers
    assert client.say("ping") == [{"type": "pong", "topics": []}]


def test_a_wrong_topic_or_cursor_subscribes_to_nothing(
    scene: Scene, owner: Workspace, new_workspace: NewWorkspace
) -> None:
    client = scene.connect(owner)
    [unknown] = client.say("subscribe", topics=["contacts", "gossip"], ref="a")
    assert (unknown["code"], unknown["ref"]) == ("unknown_topic", "a")
    assert [one["pointer"] for one in unknown["errors"]] == ["/topics/1"]
    theirs = feed_cursor(new_workspace().id, 0)
    for cursor in ("x", "", theirs):
        [invalid] = client.say("subscribe", topics=["contacts"], after=cursor)
        assert invalid["code"] == "invalid_cursor"
        assert [one["pointer"] for one in invalid["errors"]] == ["/after"]
    for n in range(2):
        names = [f"contacts:{uuid4()}" for _ in range(MOST_TOPICS // 2)]
        assert client.say("subscribe", topics=names)[0]["type"] == "subscribed", n
    [full] = client.say("subscribe", topics=["contacts"])
    assert full["code"] == "too_many_topics"


def test_what_one_may_not_read_one_may_not_follow(scene: Scene, owner: Workspace) -> None:
    member = scene.member(owner, ["contacts.read", "tasks.read:own"])
    client = scene.connect(member)
    for topic in ("emails", "webhooks", f"emails:{uuid4()}", "tasks"):
        [error] = client.say("subscribe", topics=["contacts", topic])
        assert error["code"] == "topic_not_permitted"
        assert [one["pointer"] for one in error["errors"]] == ["/topics/1"]
    assert client.say("ping") == [{"type": "pong", "topics": []}]


def test_of_records_one_may_only_follow_what_one_can_read(
    scene: Scene, owner: Workspace, database: Database, new_workspace: NewWorkspace
) -> None:
    member = scene.member(owner, ["contacts.read:own"])
    client = scene.connect(member)
    mine, theirs = (contact(database, owner, one) for one in (member, owner))
    foreign = contact(database, new_workspace())
    [subscribed] = client.say("subscribe", topics=[f"contacts:{mine}"])
    assert subscribed["topics"] == [f"contacts:{mine}"]
    for hidden in (theirs, foreign, contact(database, owner), uuid4()):
        topics = [f"contacts:{mine}", f"contacts:{hidden}"]
        [error] = client.say("subscribe", topics=topics)
        assert error["code"] == "topic_not_permitted"
        assert str(hidden) in error["errors"][0]["detail"]
        [error] = client.say("view", type="contacts", id=str(hidden))
        assert error["code"] == "topic_not_permitted"
    [presence] = client.say("view", type="contacts", id=str(mine))
    assert presence["type"] == "presence"


def test_a_team_reads_what_its_members_own(
    scene: Scene, owner: Workspace, database: Database
) -> None:
    member = scene.member(owner, ["contacts.read:team"])
    mate = scene.member(owner, ["contacts.read:own"])
    made = contact(database, owner, mate)
    client, topic = scene.connect(member), f"contacts:{made}"
    assert client.say("subscribe", topics=[topic])[0]["type"] == "error"
    team = uuid4()
    database.admin(
        """
        with team as (insert into teams (workspace_id, id, name) values (%(w)s, %(t)s, 'Sales'))
        insert into team_members (workspace_id, team_id, user_id)
        select %(w)s, %(t)s, unnest(%(users)s::uuid[])
        """,
        w=owner.id,
        t=team,
        users=[member.user_id, mate.user_id],
    )
    assert client.say("subscribe", topics=[topic])[0]["type"] == "subscribed"


def test_who_comes_back_is_told_what_happened_meanwhile(
    scene: Scene, owner: Workspace, happened: Callable[..., list[str]]
) -> None:
    client = scene.connect(owner)
    [start] = client.say("subscribe", topics=["contacts"])
    record = uuid4()
    happened(
        owner,
        sample("ContactCreated", owner, aggregate_version=1, aggregate_id=record),
        sample("AutomationCreated", owner),
        sample("TaskCreated", owner, aggregate_id=record),
        sample("ContactChanged", owner, aggregate_version=2, aggregate_id=record),
        sample("TaskCreated", owner),
    )
    again = scene.connect(owner)
    topics = ["contacts", f"tasks:{record}"]
    subscribed, resume = again.say("subscribe", topics=topics, after=start["next_cursor"], ref="r")
    assert (subscribed["type"], subscribed["ref"], resume["ref"]) == ("subscribed", "r", "r")
    assert resume["type"] == "resume"
    assert resume["next_cursor"] == subscribed["next_cursor"] == feed_cursor(owner.id, 5)
    about = {"id": str(record)}
    assert resume["missed"] == [
        {"type": "ContactCreated", "topic": "contacts", **about, "version": 1, "position": 1},
        {"type": "TaskCreated", "topic": "tasks", **about, "version": 1, "position": 3},
        {"type": "ContactChanged", "topic": "contacts", **about, "version": 2, "position": 4},
    ]
    _, empty = again.say("subscribe", topics=["contacts"], after=resume["next_cursor"])
    assert (empty["missed"], empty["next_cursor"]) == ([], resume["next_cursor"])


def test_a_ping_with_a_cursor_is_told_too_of_all_its_topics(
    scene: Scene, owner: Workspace, happened: Callable[..., list[str]]
) -> None:
    client = scene.connect(owner)
    [start] = client.say("subscribe", topics=["contacts"])
    client.say("subscribe", topics=["ai"])
    happened(owner, sample("ContactCreated", owner), sample("TaskCreated", owner))
    pong, resume = client.say("ping", after=start["next_cursor"])
    assert pong == {"type": "pong", "topics": ["ai", "contacts"]}
    assert [one["type"] for one in resume["missed"]] == ["ContactCreated"]
    assert resume["next_cursor"] == feed_cursor(owner.id, 2)
    assert client.say("ping", after="x")[0]["code"] == "invalid_cursor"


def test_who_missed_too_much_or_what_is_gone_starts_anew(
    scene: Scene,
    owner: Workspace,
    happened: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = scene.connect(owner)
    happened(owner, *(sample("ContactCreated", owner) for _ in range(RESUMED_AT_MOST)))
    start = feed_cursor(owner.id, 0)
    _, whole = client.say("subscribe", topics=["contacts"], after=start)
    assert len(whole["missed"]) == RESUMED_AT_MOST
    assert len(json.dumps(whole)) < 100_000, "API Gateway takes 128 KB"
    happened(owner, sample("ContactCreated", owner))
    end = feed_cursor(owner.id, RESUMED_AT_MOST + 1)
    _, reset = client.say("subscribe", topics=["contacts"], after=start)
    assert reset == {"type": "reset", "next_cursor": end}
    _, little = client.say("subscribe", topics=["contacts"], after=whole["next_cursor"])
    assert len(little["missed"]) == 1
    monkeypatch.setattr(queries, "WINDOW", 100)  # of whatever type
    _, reset = client.say("subscribe", topics=["ai"], after=start)
    assert reset["type"] == "reset"
    ahead = feed_cursor(owner.id, RESUMED_AT_MOST + 2)
    assert client.say("subscribe", topics=["ai"], after=ahead)[1]["type"] == "reset"
    scene.database.admin("update feed set kept_from = 500 where workspace_id = %(w)s", w=owner.id)
    for position, kind in ((498, "reset"), (499, "resume")):
        after = feed_cursor(owner.id, position)
        assert client.say("subscribe", topics=["ai"], after=after)[1]["type"] == kind


def test_what_was_missed_is_what_one_may_read(
    scene: Scene, owner: Workspace, database: Database, happened: Callable[..., list[str]]
) -> None:
    member = scene.member(owner, ["contacts.read:own", "emails.read"])
    mine, theirs = (contact(database, owner, one) for one in (member, owner))
    boxes = {sharing: uuid4() for sharing in ("metadata", "everything")}
    for sharing, box in boxes.items():
        database.admin(
            """
            insert into mailboxes
                (workspace_id, id, user_id, provider, address, sharing, credentials)
            values (%(w)s, %(id)s, %(user)s, 'gmail', %(id)s::text || '@example.com',
                %(sharing)s, '')
            """,
            w=owner.id,
            id=box,
            user=owner.user_id,
            sharing=sharing,
        )
    happened(
        owner,
        sample("ContactChanged", owner, aggregate_id=mine),
        sample("ContactChanged", owner, aggregate_id=theirs),
        sample("EmailAnalyzed", owner, mailbox_id=boxes["metadata"]),
        sample("EmailAnalyzed", owner, mailbox_id=boxes["everything"]),
    )
    client = scene.connect(member)
    topics, start = ["ai", f"contacts:{mine}"], feed_cursor(owner.id, 0)
    _, resume = client.say("subscribe", topics=topics, after=start)
    assert [one["position"] for one in resume["missed"]] == [1, 4]
    # What it follows is no longer its own: it is told no more.
    database.admin(
        "update contacts set owner_id = %(u)s where id = %(id)s", u=owner.user_id, id=mine
    )
    _, resume = client.say("ping", after=start)
    assert [one["position"] for one in resume["missed"]] == [4]


def test_a_registry_that_was_lost_heals_as_clients_speak(scene: Scene, owner: Workspace) -> None:
    client = scene.connect(owner)
    client.say("subscribe", topics=["contacts"])
    for speak in (
        lambda: client.say("ping"),
        lambda: client.say("ping", after=feed_cursor(owner.id, 0)),
    ):
        registry.remove(owner.id, client.id)
        assert speak() == [{"type": "pong", "topics": []}], "so it knows to subscribe again"
        assert [one.id for one in registry.read(owner.id)[1]] == [client.id]
    registry.remove(owner.id, client.id)
    assert client.say("subscribe", topics=["tasks"])[0]["topics"] == ["tasks"]
    registry.remove(owner.id, client.id)
    record = str(uuid4())
    assert client.say("view", type="contacts", id=record)[0]["type"] == "presence"


def test_with_the_cache_down_a_client_is_told(
    scene: Scene, owner: Workspace, no_cache: None
) -> None:
    context = scene.authorize(scene.ticket(owner).json["ticket"])["context"]
    _, client = scene.handshake(context)
    scene.gateway.open.add(client.id)
    for action in ({"action": "ping"}, {"action": "subscribe", "topics": ["contacts"]}):
        [error] = client.said(action)
        assert error["code"] == "registry_down"
    assert client.route("$disconnect") == 200


@pytest.mark.parametrize(
    "said",
    [
        {"action": "subscribe", "topics": ["contacts"]},
        {"action": "view", "type": "contacts", "id": str(uuid4())},
        {"action": "ping", "after": feed_cursor(uuid4(), 0)},
    ],
    ids=lambda said: said["action"],
)
def test_a_session_that_is_over_is_answered_by_the_end(
    scene: Scene, owner: Workspace, said: dict[str, Any]
) -> None:
    client = scene.connect(owner)
    client.say("subscribe", topics=["tasks"])
    scene.revoke(owner)
    before = len(client.received)
    client.said(said)
    assert len(client.received) == before
    assert not client.is_open
    assert registry.read(owner.id)[1] == []
    # Should it speak once more, it is not entered again.
    scene.gateway.open.add(client.id)
    client.say("ping")
    assert not client.is_open
    assert registry.read(owner.id)[1] == []


def test_a_member_who_left_is_one_whose_session_is_over(scene: Scene, owner: Workspace) -> None:
    member = scene.member(owner, ["contacts.read"])
    client = scene.connect(member)
    scene.database.admin(
        "update memberships set ended_at = now() where user_id = %(u)s", u=member.user_id
    )
    client.say("subscribe", topics=["contacts"])
    assert not client.is_open


def test_a_role_that_changed_counts_from_the_next_word_on(scene: Scene, owner: Workspace) -> None:
    member = scene.member(owner, ["contacts.read"])
    client = scene.connect(member)
    assert client.say("subscribe", topics=["tasks"])[0]["type"] == "error"
    scene.database.admin(
        "update roles set grants = '{tasks.read}' where workspace_id = %(w)s", w=owner.id
    )
    assert client.say("subscribe", topics=["tasks"])[0]["type"] == "subscribed"
    assert client.say("subscribe", topics=["contacts"])[0]["type"] == "error"
