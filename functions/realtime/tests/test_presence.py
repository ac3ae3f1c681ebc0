"""Who looks at a record, and who is told so."""

from __future__ import annotations

from uuid import uuid4

import pytest

from functions.realtime import registry
from functions.realtime.tests.conftest import Scene, Socket
from shared.testing import NewWorkspace, Workspace

VIEW = "_VIEW"
RECORD = str(uuid4())
TOPIC = f"contacts:{RECORD}"


def look(client: Socket, record: str = RECORD) -> None:
    client.say("view", type="contacts", id=record)


def viewers(client: Socket) -> list[str]:
    """Who looks at the record, by the last word of it."""
    [*_, last] = client.heard()
    assert (last["type"], last["topic"]) == ("presence", TOPIC)
    return [one["user_id"] for one in last["viewers"]]


def test_those_who_look_at_a_record_see_each_other_come_and_go(
    scene: Scene, owner: Workspace
) -> None:
    member = scene.member(owner, ["contacts.read"])
    first, second = scene.connect(owner), scene.connect(member)
    elsewhere, idle = scene.connect(owner), scene.connect(owner)
    look(elsewhere, str(uuid4()))
    elsewhere.heard()
    look(first)
    assert viewers(first) == [str(owner.user_id)]
    look(second)
    both = sorted(str(one.user_id) for one in (owner, member))
    assert sorted(viewers(first)) == sorted(viewers(second)) == both
    second.say("leave")
    assert viewers(first) == [str(owner.user_id)]
    assert second.heard() == []
    look(second)
    first.heard()
    look(second, str(uuid4()))
    assert viewers(first) == [str(owner.user_id)]
    assert elsewhere.heard() == idle.heard() == []


def test_who_is_gone_looks_no_more(scene: Scene, owner: Workspace) -> None:
    first, second = scene.connect(owner), scene.connect(scene.member(owner, ["contacts.read"]))
    look(first)
    look(second)
    first.heard()
    second.route("$disconnect")
    assert viewers(first) == [str(owner.user_id)]
    # One that broke without a word is found out when it is told.
    look(second)
    scene.gateway.open.remove(second.id)
    look(first)
    assert [one.id for one in registry.read(owner.id)[1]] == [first.id]


def test_a_look_counts_for_90_seconds(
    scene: Scene, owner: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = scene.connect(owner), scene.connect(scene.member(owner, ["contacts.read"]))
    look(first)
    [told] = first.heard()[-1]["viewers"]
    now, connections = registry.read(owner.id)
    [until] = [one.viewing_until for one in connections if one.viewing]
    assert told == {"user_id": str(owner.user_id), "until": until}
    assert 85 < until - now <= 90
    with monkeypatch.context() as patched:
        script: str = getattr(registry, VIEW)
        patched.setattr(registry, VIEW, script.replace("now + 90", "now"))
        look(first)  # and its time is over at once
    look(second)
    assert viewers(second) == [second.context["user_id"]]
    assert first.heard() == []
    look(first)  # who still looks says so again
    assert len(viewers(second)) == 2


def test_one_person_in_two_windows_is_one_viewer(scene: Scene, owner: Workspace) -> None:
    first, second = scene.connect(owner), scene.connect(owner)
    look(first)
    look(second)
    assert viewers(first) == viewers(second) == [str(owner.user_id)]
    second.say("leave")
    assert viewers(first) == [str(owner.user_id)]


def test_nobody_is_seen_from_another_workspace(
    scene: Scene, owner: Workspace, new_workspace: NewWorkspace
) -> None:
    ours, theirs = scene.connect(owner), scene.connect(scene.sign_in(new_workspace()))
    look(ours)
    ours.heard()
    look(theirs)
    assert viewers(theirs) == [theirs.context["user_id"]]
    assert ours.heard() == []


def test_one_cannot_look_at_what_one_may_not_read(scene: Scene, owner: Workspace) -> None:
    client = scene.connect(scene.member(owner, ["tasks.read"]))
    for kind, code in (("contacts", "topic_not_permitted"), ("gossip", "unknown_topic")):
        [error] = client.say("view", type=kind, id=RECORD, ref="x")
        assert (error["code"], error["ref"]) == (code, "x")
    assert client.say("leave") == []
