"""Live updates, with real clients of the gateway's WebSocket API."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from redis.cluster import RedisCluster
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from infra_cdk.tests.polling import eventually
from infra_cdk.tests.stack import mails
from infra_cdk.tests.stack.books import aws, rows
from infra_cdk.tests.stack.hours import run_job
from infra_cdk.tests.stack.kills import Killer, blocked_reads, waiting
from infra_cdk.tests.stack.live import Live, live, ticket
from infra_cdk.tests.stack.team import Team

pytest_plugins = ["infra_cdk.tests.stack.fixtures"]
pytestmark = pytest.mark.stack


def create(team: Team, name: str = "Ada") -> str:
    answer = team.ask("POST", "contacts", {"name": name})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def change(team: Team, contact: str, name: str) -> None:
    answer = team.client.patch(
        f"/api/v1/contacts/{contact}", json={"name": name}, headers={"If-Match": "*"}
    )
    assert answer.is_success, answer.text


def contacts(team: Team) -> dict[str, int]:
    """What the API says there is: versions by id."""
    return {one["id"]: one["version"] for one in team.get("contacts?limit=200")["items"]}


def known(client: Live) -> dict[str, int]:
    """What a client has learnt of contacts."""
    return {id: version for (topic, id), version in client.versions.items() if topic == "contacts"}


def registered(team: Team) -> set[str]:
    """The workspace's connections, as the cache has them."""
    cluster: Any = RedisCluster
    cache = cluster.from_url(team.stack.config.cache_url)
    try:
        found = cache.hkeys(f"crm:{{{team.workspace_id}}}:sockets:open")
    finally:
        cache.close()
    return {one.decode() for one in found}


def publish(team: Team, *, backwards: bool) -> None:
    """Put everything that happened in the workspace on the bus once more."""
    logged = rows(
        team.stack,
        """
        select type, payload, position from event_log
        where workspace_id = %(w)s order by position
        """,
        w=team.workspace_id,
    )
    entries = [
        {
            "EventBusName": team.stack.config.resources.bus,
            "Source": "haste.contacts",
            "DetailType": row["type"],
            "Detail": json.dumps(row["payload"] | {"position": row["position"]}),
        }
        for row in (logged[::-1] if backwards else logged)
    ]
    for start in range(0, len(entries), 10):
        aws(team.stack, "events").put_events(Entries=entries[start : start + 10])


def test_a_ticket_opens_one_connection(team: Team) -> None:
    url, given = ticket(team)
    with connect(f"{url}?ticket={given}"):
        for query in (f"?ticket={given}", "?ticket=guessed", "?ticket=", ""):
            with pytest.raises(InvalidStatus) as refused, connect(f"{url}{query}"):
                pass
            assert refused.value.response.status_code == (403 if query[8:] else 401)


def test_what_happens_is_told_to_ones_own_workspace(
    team: Team, new_team: Callable[[], Team]
) -> None:
    other = new_team()
    with live(team) as ours, live(other) as theirs:
        ours.subscribe("contacts", "tasks")
        contact = create(team)
        theirs.subscribe("contacts", f"contacts:{contact}")
        change(team, contact, "Ada Lovelace")
        assert eventually(lambda: known(ours) == {contact: 2})
        created, changed = sorted(ours.told(), key=lambda one: one["position"])
        assert (created["type"], changed["type"]) == ("ContactCreated", "ContactChanged")
        assert created.keys() == {"type", "topic", "id", "version", "position", "at", "actor"}
        foreign = create(other)
        assert eventually(lambda: known(theirs) == {foreign: 1})
        assert known(ours) == {contact: 2}


def test_a_client_ends_where_the_api_does_whatever_comes_twice_or_late(team: Team) -> None:
    with live(team) as client:
        client.subscribe("contacts")
        made = [create(team, f"Person {n}") for n in range(4)]
        for n in range(3):
            for contact in made:
                change(team, contact, f"Name {n}")
        publish(team, backwards=True)
        publish(team, backwards=False)
        assert eventually(lambda: len(client.told()) >= 3 * 16, within_s=60)
        assert known(client) == contacts(team) == dict.fromkeys(made, 4)


def test_who_was_away_catches_up_from_the_cursor_as_the_feed_has_it(team: Team) -> None:
    with live(team) as client:
        start = client.subscribe("contacts", "automations")["next_cursor"]
        before = create(team)
        assert eventually(lambda: before in known(client))
    away = [create(team, f"Away {n}") for n in range(3)]
    change(team, before, "Changed")
    assert team.ask("POST", "tasks", {"title": "Not followed"}).status_code == 201
    with live(team) as back:
        resume = back.subscribe("contacts", "automations", after=start)
        later = create(team)
        assert eventually(lambda: later in known(back))
    feed = team.get(f"events?limit=200&after={start}")["items"]
    expected = [
        {
            "type": one["type"],
            "topic": "contacts",
            "id": one["aggregate_id"],
            "version": one["aggregate_version"],
            "position": one["position"],
        }
        for one in feed
        if one["type"].startswith("Contact") and one["aggregate_id"] != later
    ]
    assert resume["missed"] == expected
    assert len(expected) == len(away) + 2
    assert known(back) == contacts(team)


def test_people_see_who_looks_at_a_record(team: Team) -> None:
    contact = create(team)
    with live(team) as first, live(team) as second:
        first.say("view", type="contacts", id=contact)
        second.say("view", type="contacts", id=contact)
        assert eventually(lambda: len([m for m in first.heard if m["type"] == "presence"]) == 2)
        [viewer] = first.heard[-1]["viewers"]
        assert UUID(viewer["user_id"])
        second.say("leave")
        assert eventually(lambda: len([m for m in first.heard if m["type"] == "presence"]) == 3)


def test_mail_and_what_is_found_in_it_are_told(team: Team, address: Callable[[], str]) -> None:
    with live(team) as client:
        client.subscribe("emails", "ai", "tasks", "mailboxes")
        post = team.connect(address())
        post.receive(*mails.batch(2))
        kinds = {"MailboxConnected", "EmailReceived", "EmailAnalyzed", "TaskCreated"}
        assert eventually(lambda: {one["type"] for one in client.told()} >= kinds, within_s=60)


def test_a_revoked_session_is_disconnected(team: Team) -> None:
    with live(team) as client:
        client.subscribe("contacts")
        assert team.ask("POST", "auth/sign-out", {}).status_code == 204
        assert client.ended.wait(60)
    assert eventually(lambda: registered(team) == set())


def test_a_killed_fan_out_tells_everything_after_all(team: Team, killer: Killer) -> None:
    with live(team) as client:
        client.subscribe("contacts")
        create(team)
        assert eventually(lambda: bool(client.told()))
        killer.function("realtime-events")  # the next one looks sessions up
        with blocked_reads(team.stack, "sessions"):
            made = {create(team, f"Person {n}") for n in range(10)}
            assert eventually(lambda: waiting(team.stack))
            killer.function("realtime-events")
        assert eventually(lambda: known(client).keys() >= made, within_s=90)


def test_connections_that_a_killed_gateway_left_are_forgotten(team: Team, killer: Killer) -> None:
    with live(team) as client:
        client.subscribe("contacts")
        [left] = registered(team)
        killer.service("gateway")
        assert client.ended.wait(30)
    killer.revived("gateway")
    assert registered(team) == {left}
    with live(team) as back:
        resume = back.subscribe("contacts", after=client.cursor)
        assert resume["missed"] == []
        contact = create(team)
        assert eventually(lambda: contact in known(back))
        assert eventually(lambda: len(registered(team)) == 1)
    run_job(team.stack, "outbox-jobs", "sweep")
