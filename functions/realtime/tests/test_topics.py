"""Topics come from the classes of events, and what they take from their permissions."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from events.catalogue import all_events
from functions.realtime import queries, topics
from functions.realtime.api import handler
from functions.realtime.capability import CAPABILITY
from functions.realtime.consumers import consumer
from functions.realtime.models import TopicNotPermitted, UnknownTopic
from functions.realtime.tests.conftest import Scene
from functions.realtime.topics import described, object_of, parse_topics
from shared.access import ALL, EVERYTHING, NOTHING, OWNED, access_of
from shared.wiring import EVERY_EVENT

_RECORD = UUID("0190a000-0000-7000-8000-000000000001")


def test_every_event_there_is_is_listened_to() -> None:
    """A type that is added to `events/` is told without a word here."""
    [queue] = [f.queue for f in CAPABILITY.functions if f.queue]
    assert queue.listens == EVERY_EVENT
    assert queue.hears(all_events()) == tuple(sorted(all_events()))
    assert consumer.listens == set(all_events())


@pytest.mark.parametrize("kind", all_events().values(), ids=lambda kind: kind.type_name())
def test_every_event_is_on_a_topic_and_takes_a_permission_there_is(kind: Any) -> None:
    """Whoever adds a type whose topic is no object of `shared.access` says its `permission`."""
    assert kind.permission in ALL
    assert not set(kind.topic) & set(" :")
    assert kind in topics.events_by_topic()[kind.topic]


def test_whether_a_record_with_an_owner_may_be_read_can_be_asked() -> None:
    asked: Any = queries
    assert set(asked._READABLE) == OWNED
    assert {object_of(kind) for kind in all_events().values()} >= OWNED


def test_what_is_followed_of_contacts_mails_tasks_and_analyses() -> None:
    assert {"contacts", "emails", "tasks", "ai", "mailboxes"} <= set(topics.events_by_topic())


def test_all_topics_are_listed_with_what_one_may_follow(scene: Scene) -> None:
    access = access_of("contacts.read emails.read tasks.read:own")
    answer = scene.call(handler, "GET", "/api/v1/realtime/topics", access=access)
    listed = {one["topic"]: one for one in answer.json["items"]}
    assert list(listed) == sorted(topics.events_by_topic())
    contacts = listed["contacts"]
    assert {"ContactChanged", "ContactCreated", "ContactDeleted"} <= set(contacts.pop("events"))
    assert contacts == {
        "topic": "contacts",
        "permissions": ["contacts.read"],
        "allowed": "all",
    }
    assert listed["ai"]["permissions"] == ["emails.read"]
    allowed = {name: one["allowed"] for name, one in listed.items() if one["allowed"]}
    assert allowed == {"contacts": "all", "emails": "all", "ai": "all", "tasks": "records"}


def test_nothing_is_allowed_to_nobody_and_everything_to_an_owner() -> None:
    assert {one.allowed for one in described(NOTHING)} == {None}
    assert {one.allowed for one in described(EVERYTHING)} == {"all"}


@pytest.mark.parametrize(
    "name",
    [
        *("", "contact", "contacts:", "contacts:x", "contacts: ", " contacts", "contacts:all", ":"),
        f"contacts:{_RECORD.hex}",
        f"contacts:{str(_RECORD).upper()}",
        f"contacts:{_RECORD}:x",
    ],
)
def test_what_is_no_topic_is_named(name: str) -> None:
    with pytest.raises(UnknownTopic) as refused:
        parse_topics(["tasks", name], EVERYTHING)
    assert [one.pointer for one in refused.value.errors] == ["/topics/1"]


def test_a_topic_takes_the_permission_of_its_events() -> None:
    record = f"contacts:{uuid4()}"
    access = access_of("emails.read contacts.read:team contacts.write events.read")
    assert [str(one) for one in parse_topics(["ai", record], access)] == ["ai", record]
    for name in ("contacts", "tasks", f"tasks:{uuid4()}", "webhooks", "sessions", "automations"):
        with pytest.raises(TopicNotPermitted) as refused:
            parse_topics(["emails", name], access)
        assert [one.pointer for one in refused.value.errors] == ["/topics/1"]
