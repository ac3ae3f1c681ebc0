"""From a change, asked for however often, to the customer's server: one row, event and webhook."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from functions.webhooks.tests.receiver import Answer, Received, Receiver, receiving
from infra_cdk.tests.polling import eventually
from infra_cdk.tests.stack.kills import Killer, blocked_writes, waiting
from infra_cdk.tests.stack.live import live
from infra_cdk.tests.stack.team import Team
from infra_cdk.tests.stack.test_sockets import change, contacts, create, known, publish

pytest_plugins = ["infra_cdk.tests.stack.fixtures"]
pytestmark = pytest.mark.stack

_AT_ONCE = 5


@dataclass(frozen=True)
class Scene:
    """A change: its request, given a contact of the team's, the function that makes it, a table it
    writes, and the events it is.
    """

    method: str
    path: str
    body: dict[str, Any]
    function: str
    table: str
    events: tuple[str, ...]


SCENES = {
    "create": Scene(
        "POST", "contacts", {"name": "Bea"}, "contacts-api", "contacts", ("ContactCreated",)
    ),
    "change": Scene(
        "PATCH", "contacts/{id}", {"name": "Cyd"}, "contacts-api", "contacts", ("ContactChanged",)
    ),
    "task": Scene("POST", "tasks", {"title": "Call"}, "activities-api", "tasks", ("TaskCreated",)),
    "edit": Scene(
        "POST",
        "contacts/bulk-edit",
        {"filter": {"all": []}, "change": {"add_tags": ["vip"]}},
        "contacts-api",
        "contacts",
        ("ContactChanged",),
    ),
    "batch": Scene(
        "POST",
        "batch",
        {
            "operations": [
                {"method": "POST", "path": "/api/v1/contacts", "body": {"name": "Dot"}},
                {"method": "POST", "path": "/api/v1/tasks", "body": {"title": "Write"}},
            ]
        },
        "gateway-batch",
        "contacts",
        ("ContactCreated", "TaskCreated"),
    ),
    "graph": Scene(
        "POST",
        "graphql",
        {"query": 'mutation { createContact(input: {name: "Eve"}) { contact { id } } }'},
        "graphql-api",
        "contacts",
        ("ContactCreated",),
    ),
}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def _listen(team: Team, receiver: Receiver) -> None:
    types = ["ContactCreated", "ContactChanged", "ContactDeleted", "TaskCreated"]
    answer = team.ask("POST", "webhooks", {"url": receiver.url, "event_types": types})
    assert answer.status_code == 201, answer.text


def _ids(receiver: Receiver) -> set[str]:
    return {one.id for one in list(receiver.received)}


def _insist(team: Team, scene: Scene, path: str, key: str) -> httpx.Response:
    """Ask until there is an answer to it, as a client does whose connection breaks."""
    headers = {"Idempotency-Key": key, "If-Match": "*"}
    found: list[httpx.Response] = []

    def answered() -> bool:
        with suppress(httpx.TransportError):
            answer = team.client.request(scene.method, path, json=scene.body, headers=headers)
            running = answer.status_code == 409 and answer.json()["code"] == "still_running"
            if not running and answer.status_code < 500 and answer.status_code != 429:
                found.append(answer)
        return bool(found)

    assert eventually(answered, within_s=60)
    return found[0]


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_asked_for_five_times_at_once_and_killed_it_is_one_event_and_one_webhook(
    scene: Scene, team: Team, receiver: Receiver, killer: Killer
) -> None:
    contact = create(team)
    _listen(team, receiver)
    there = team.get("events?limit=200")
    start, before = there["next_cursor"], there["items"][-1]["position"]
    path, key = f"/api/v1/{scene.path.format(id=contact)}", secrets.token_hex(8)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        with blocked_writes(team.stack, scene.table):
            asked = [pool.submit(_insist, team, scene, path, key) for _ in range(_AT_ONCE)]
            assert eventually(lambda: waiting(team.stack))
            killer.function(scene.function, at="gateway")
        answers = [one.result() for one in asked]
    assert {one.status_code for one in answers} <= {200, 201}, [one.text for one in answers]
    assert len({one.text for one in answers}) == 1
    killer.strike("webhooks-events")
    feed = team.get(f"events?limit=200&after={start}")["items"]
    happened = [one for one in feed if one["type"].startswith(("Contact", "Task"))]
    assert tuple(one["type"] for one in happened) == scene.events
    expected = {one["id"] for one in happened}
    assert eventually(lambda: _ids(receiver) >= expected, within_s=90)
    publish(team, backwards=True)
    later = create(team, "Later")  # what was to be sent before it has been
    assert eventually(
        lambda: any(one.json["aggregate_id"] == later for one in list(receiver.received)),
        within_s=90,
    )
    # What happened just before there was an endpoint may be told, as it was published again.
    told = [one for one in list(receiver.received) if one.json["aggregate_id"] != later]
    assert {one.id for one in told if one.json["position"] > before} == expected
    assert {one.id for one in told} == {one.json["id"] for one in told}


def test_a_server_and_a_socket_that_ignore_older_versions_end_where_the_api_does(
    team: Team, receiver: Receiver, killer: Killer
) -> None:
    """Whatever fails, comes twice, late or in another order."""
    seen: set[str] = set()

    def sometimes(request: Received) -> Answer:
        """The first attempt of every other event fails."""
        is_first = request.id not in seen
        seen.add(request.id)
        return Answer(503) if is_first and len(seen) % 2 else Answer()

    receiver.behave = sometimes
    _listen(team, receiver)
    with live(team) as client:
        client.subscribe("contacts")
        made = [create(team, f"Person {n}") for n in range(5)]
        for round_ in range(3):
            for contact in made:
                change(team, contact, f"Name {round_}")
            killer.strike("webhooks-events")
        publish(team, backwards=True)
        assert team.ask("DELETE", f"contacts/{made[0]}").status_code == 204
        expected = {
            one["id"]: (one["aggregate_id"], one["aggregate_version"], one["position"])
            for one in team.get("events?limit=200")["items"]
            if one["type"].startswith("Contact")
        }

        def accepted() -> dict[str, Any]:
            """The body of each event; what was refused came again."""
            return {one.id: one.json for one in list(receiver.received)}

        assert eventually(lambda: accepted().keys() >= expected.keys(), within_s=90)
        told = {
            id: (one["aggregate_id"], one["aggregate_version"], one["position"])
            for id, one in accepted().items()
            if one["type"].startswith("Contact")
        }
        assert told == expected
        state: dict[str, int] = {}
        for one in list(receiver.received):
            if one.json["type"] == "ContactDeleted":
                state[one.json["aggregate_id"]] = 1_000
            elif one.json["type"].startswith("Contact"):
                version = max(state.get(one.json["aggregate_id"], 0), one.json["aggregate_version"])
                state[one.json["aggregate_id"]] = version
        there = {id: version for id, version in state.items() if version < 1_000}
        assert there == contacts(team)
        assert eventually(lambda: len(set(_positions(client.told()))) == len(expected))
        assert {id: v for id, v in known(client).items() if id != made[0]} == there


def _positions(told: list[dict[str, Any]]) -> list[int]:
    return [one["position"] for one in told if one["topic"] == "contacts"]


def _bodies(receiver: Receiver) -> list[bytes]:
    return [one.body for one in list(receiver.received)]


def test_the_log_says_why_nothing_came(team: Team, receiver: Receiver) -> None:
    receiver.answer(500, b"out of order")
    _listen(team, receiver)
    contact = create(team)
    endpoint = team.get("webhooks")["items"][0]["id"]

    def attempts() -> list[dict[str, Any]]:
        found = team.get(f"webhooks/{endpoint}/deliveries")["items"]
        return found[0]["log"] if found else []

    assert eventually(lambda: bool(attempts()), within_s=60)
    assert (attempts()[0]["status"], attempts()[0]["response"]) == (500, "out of order")
    receiver.answer(204)
    delivery = team.get(f"webhooks/{endpoint}/deliveries")["items"][0]["id"]
    again = team.ask("POST", f"webhooks/{endpoint}/deliveries/{delivery}/replay")
    assert again.is_success, again.text
    assert eventually(lambda: len(_bodies(receiver)) >= 2, within_s=60)
    assert len(set(_bodies(receiver))) == 1
    assert receiver.received[0].json["aggregate_id"] == contact
