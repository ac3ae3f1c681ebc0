"""Every topic there is, tried by those who are not to be told of it. A new one cannot be missed:
the list comes from the events' classes.
"""

from __future__ import annotations

from uuid import uuid4

import pytest

from events.catalogue import all_events
from events.envelope import Event
from functions.gateway.tests.scenes import sample
from functions.realtime.tests.conftest import Scene, Socket
from functions.realtime.topics import events_by_topic
from shared.access import EVERYTHING, ROLES
from shared.telling import mailbox_of
from shared.testing import NewWorkspace, Workspace

TOPICS = events_by_topic()
BOTH = ["{topic}", "{topic}:{record}"]
"""A topic as a whole, and for one record."""


def _follow(client: Socket, *names: str) -> str:
    """The code of the error, or nothing where they may be followed."""
    [answer] = client.say("subscribe", topics=list(names))
    client.heard()
    return answer.get("code", "")


def _permissions(topic: str) -> set[str]:
    return {kind.permission for kind in TOPICS[topic]}


@pytest.mark.parametrize("ticket", [None, "", "x", "t" * 64])
def test_without_a_ticket_nobody_gets_as_far_as_a_topic(scene: Scene, ticket: str | None) -> None:
    statement = scene.authorize(ticket)["policyDocument"]["Statement"][0]
    assert statement["Effect"] == "Deny"


@pytest.mark.parametrize("topic", TOPICS)
def test_who_has_every_permission_but_its_own_may_not_follow_it(
    scene: Scene, owner: Workspace, topic: str
) -> None:
    granted = sorted(set(EVERYTHING.reach) - _permissions(topic))
    client = scene.connect(scene.member(owner, granted))
    for name in BOTH:
        refused = _follow(client, name.format(topic=topic, record=uuid4()))
        assert refused == "topic_not_permitted"
    assert scene.happen(*(sample(kind.type_name(), owner) for kind in TOPICS[topic])) == []
    assert client.heard() == []


@pytest.mark.parametrize("topic", TOPICS)
def test_a_viewer_is_told_what_viewers_read_and_no_more(
    scene: Scene, owner: Workspace, topic: str
) -> None:
    reach = ROLES["viewer"].reach
    client = scene.connect(scene.member(owner, str(ROLES["viewer"]).split()))
    told = {kind for kind in TOPICS[topic] if reach.get(kind.permission) == "all"}
    assert _follow(client, topic) == ("" if told else "topic_not_permitted")
    happened = [sample(kind.type_name(), owner) for kind in TOPICS[topic]]
    assert scene.happen(*happened) == []
    # Of a mailbox that is not there nobody is told more.
    expected = {type(event) for event in happened if not mailbox_of(event)} & told
    assert {one["type"] for one in client.heard()} == {kind.type_name() for kind in expected}


@pytest.mark.parametrize("kind", all_events().values(), ids=lambda kind: kind.type_name())
def test_with_another_workspaces_ids_one_is_told_nothing(
    scene: Scene, owner: Workspace, new_workspace: NewWorkspace, kind: type[Event]
) -> None:
    """Their ids are known to us; it is for their connections alone that something happens."""
    theirs = scene.sign_in(new_workspace())
    event = sample(kind.type_name(), theirs)
    client = scene.connect(owner)
    followed = [name.format(topic=event.topic, record=event.aggregate_id) for name in BOTH]
    assert _follow(client, *followed) == ""
    assert scene.happen(event) == []
    assert client.heard() == []
