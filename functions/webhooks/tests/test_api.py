"""The webhooks API, through its real Lambda handler and a real database."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from events.contacts import ContactCreated
from functions.webhooks.api import SECRET_ROUTES, app
from functions.webhooks.models import MOST_ENDPOINTS
from functions.webhooks.tests.conftest import Hooks
from functions.webhooks.tests.receiver import Receiver
from shared.db import transaction
from shared.encryption import data_key
from shared.http.idempotency import EXCLUDED
from shared.ids import uuid7
from shared.testing import EventsOf, NewWorkspace, Workspace

HOOK = "https://hooks.example.com/haste"


def created(workspace: Workspace, name: str = "Ada") -> ContactCreated:
    return ContactCreated(
        workspace_id=workspace.id, aggregate_id=uuid7(), email=None, name=name, position=7
    )


def test_an_endpoint_and_its_secret_which_is_shown_once(hooks: Hooks, workspace: Workspace) -> None:
    answer = hooks.ask("POST", "", {"url": HOOK, "event_types": ["ContactCreated"] * 2})
    assert (answer.status, answer.headers["etag"]) == (201, '"1"')
    assert answer.headers["cache-control"] == "no-store"
    endpoint = answer.json
    secret = endpoint.pop("secret")
    assert secret.startswith("whsec_")
    assert answer.headers["location"] == f"/api/v1/webhooks/{endpoint['id']}"
    expected = {"url": HOOK, "description": "", "event_types": ["ContactCreated"], "enabled": True}
    assert endpoint.items() >= expected.items()
    assert endpoint["user_id"] == str(workspace.user_id)
    assert hooks.endpoint(endpoint) == endpoint
    listed = hooks.ask("GET", "").json
    assert listed == {"items": [endpoint], "next_cursor": None}
    sealed = bytes(hooks.row(endpoint)["secret"])
    assert secret.encode() not in sealed
    assert data_key(workspace.id).unseal(sealed, column="webhook_endpoints.secret") == secret


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/url"),
        ({"url": "http://hooks.example.com/"}, "/url"),
        ({"url": "https://10.0.0.1/"}, "/url"),
        ({"url": "https://u:p@hooks.example.com/"}, "/url"),
        ({"url": "https://hooks.example.com:22/"}, "/url"),
        ({"url": HOOK, "event_types": []}, "/event_types"),
        ({"url": HOOK, "event_types": ["ContactCreated", "Nothing"]}, "/event_types/1"),
        ({"url": HOOK, "secret": "whsec_mine"}, "/secret"),
        ({"url": HOOK, "description": "x" * 501}, "/description"),
    ],
)
def test_what_is_no_endpoint(hooks: Hooks, body: dict[str, Any], pointer: str) -> None:
    answer = hooks.ask("POST", "", body)
    assert answer.status == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


def test_changes(hooks: Hooks) -> None:
    endpoint = hooks.create(HOOK, event_types=["ContactCreated"])
    path = f"/{endpoint['id']}"
    assert hooks.ask("PATCH", path, {"enabled": False}).status == 428
    body = {"url": "https://other.example.com/", "event_types": None, "enabled": False}
    answer = hooks.ask("PATCH", path, body, headers={"If-Match": '"1"'})
    assert (answer.status, answer.headers["etag"]) == (200, '"2"')
    assert answer.json.items() >= body.items()
    assert hooks.endpoint(endpoint) == answer.json
    assert hooks.ask("PATCH", path, body, headers={"If-Match": '"1"'}).status == 412
    unchanged = hooks.ask("PATCH", path, body, headers={"If-Match": '"2"'})
    assert unchanged.json["version"] == 2
    for wrong in ({"url": None}, {"enabled": None}, {"url": "https://127.0.0.1.nip/ x"}):
        answer = hooks.ask("PATCH", path, wrong, headers={"If-Match": "*"})
        assert answer.status == 422, wrong


def test_a_deleted_endpoint_is_gone_and_its_secrets_with_it(hooks: Hooks) -> None:
    endpoint = hooks.create(HOOK)
    path = f"/{endpoint['id']}"
    hooks.ask("POST", f"{path}/rotate-secret")
    assert hooks.ask("DELETE", path, headers={"If-Match": '"1"'}).status == 412
    assert hooks.ask("DELETE", path, headers={"If-Match": '"2"'}).status == 204
    for method, below in (("GET", ""), ("GET", "/deliveries"), ("POST", "/test")):
        assert hooks.ask(method, path + below).status == 404
    row = hooks.row(endpoint)
    assert (bytes(row["secret"]), row["previous_secret"]) == (b"", None)


def test_a_workspace_has_so_many_endpoints(hooks: Hooks) -> None:
    *_, last = [hooks.create(HOOK) for _ in range(MOST_ENDPOINTS)]
    answer = hooks.ask("POST", "", {"url": HOOK})
    assert (answer.status, answer.json["code"]) == (409, "too_many_endpoints")
    hooks.ask("DELETE", f"/{last['id']}")
    hooks.create(HOOK)


def test_every_change_is_an_event_that_names_the_host_alone(
    hooks: Hooks, workspace: Workspace, events_of: EventsOf
) -> None:
    endpoint = hooks.create("https://hooks.example.com/a-password-of-sorts")
    path, anyway = f"/{endpoint['id']}", {"If-Match": "*"}
    hooks.ask("PATCH", path, {"description": "ours"}, headers=anyway)
    hooks.ask("POST", f"{path}/rotate-secret")
    hooks.ask("DELETE", path)
    emitted = events_of(workspace)
    assert [event["type"].removeprefix("WebhookEndpoint") for event in emitted] == [
        "Created",
        "Changed",
        "Changed",
        "Deleted",
    ]
    assert {event["payload"]["host"] for event in emitted} == {"hooks.example.com"}
    assert "a-password-of-sorts" not in str(emitted)
    assert [event["payload"].get("changed") for event in emitted[1:3]] == [
        ["description"],
        ["secret"],
    ]
    assert [event["payload"]["aggregate_version"] for event in emitted] == [1, 2, 3, 4]


ROUTES = [
    ("POST", ""),
    ("GET", ""),
    ("GET", "/{id}"),
    ("PATCH", "/{id}"),
    ("DELETE", "/{id}"),
    ("POST", "/{id}/rotate-secret"),
    ("POST", "/{id}/test"),
    ("POST", "/{id}/replay"),
    ("GET", "/{id}/deliveries"),
    ("GET", "/{id}/deliveries/{delivery}"),
    ("POST", "/{id}/deliveries/{delivery}/replay"),
]
BODIES: dict[str, Any] = {"POST": {"url": HOOK}, "PATCH": {"enabled": False}}


def test_all_routes_are_tried() -> None:
    described = {
        (method.upper(), path.removeprefix("/api/v1/webhooks"))
        for path, methods in app.openapi()["paths"].items()
        for method in methods
    }
    assert described == {
        (method, path.replace("{id}", "{endpoint_id}").replace("{delivery}", "{delivery_id}"))
        for method, path in ROUTES
    }


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_members_and_viewers_may_not(hooks: Hooks, method: str, path: str) -> None:
    endpoint = hooks.create(HOOK)
    filled = path.format(id=endpoint["id"], delivery=uuid4())
    for role in ("member", "viewer", "", "Owner"):
        answer = hooks.ask(method, filled, BODIES.get(method), role=role)
        assert (answer.status, answer.json["code"]) == (403, "not_permitted")
    assert hooks.ask("GET", "", role="admin").json["items"][0]["version"] == 1


@pytest.mark.parametrize(("method", "path"), [one for one in ROUTES if "{id}" in one[1]])
def test_another_workspace_sees_nothing(
    hooks: Hooks, new_workspace: NewWorkspace, method: str, path: str
) -> None:
    endpoint = hooks.create(HOOK)
    hooks.happen(created(hooks.workspace))
    filled = path.format(id=endpoint["id"], delivery=hooks.delivery(endpoint)["id"])
    body = {"after_position": 0} if path.endswith("}/replay") else BODIES.get(method)
    answer = hooks.ask(method, filled, body, workspace=new_workspace(), headers={"If-Match": "*"})
    assert answer.status == 404
    assert hooks.endpoint(endpoint)["version"] == 1
    assert hooks.delivery(endpoint)["attempts"] == 0


def test_routes_that_answer_a_secret_take_no_idempotency_key(hooks: Hooks) -> None:
    excluded = {
        (method.upper(), path)
        for path, methods in app.openapi()["paths"].items()
        for method, operation in methods.items()
        if EXCLUDED in operation
    }
    assert excluded == set(SECRET_ROUTES)
    answer = hooks.ask("POST", "", {"url": HOOK}, headers={"Idempotency-Key": "once"})
    assert (answer.status, answer.json["code"]) == (400, "unrepeatable")


def test_a_test_message(hooks: Hooks, receiver: Receiver, workspace: Workspace) -> None:
    endpoint = hooks.create(receiver, event_types=["TaskCreated"])
    once = {"Idempotency-Key": str(uuid4())}
    answer = hooks.ask("POST", f"/{endpoint['id']}/test", headers=once)
    assert (answer.status, answer.json["state"]) == (202, "pending")
    assert hooks.woken() == [endpoint["id"]]
    assert hooks.ask("POST", f"/{endpoint['id']}/test", headers=once).json == answer.json
    hooks.send(endpoint)
    [request] = receiver.received
    assert request.is_signed_with(endpoint["secret"])
    assert request.id == request.json["id"] == answer.json["event_id"]
    assert request.json["type"] == answer.json["event_type"] == "WebhookTest"
    assert request.json["actor"] == f"user:{workspace.user_id}"
    assert hooks.delivery(endpoint)["state"] == "delivered"


def test_nothing_is_sent_to_a_disabled_endpoint(hooks: Hooks) -> None:
    endpoint = hooks.create(HOOK, enabled=False)
    for path, body in (("/test", None), ("/replay", {"after_position": 0})):
        answer = hooks.ask("POST", f"/{endpoint['id']}{path}", body)
        assert (answer.status, answer.json["code"]) == (409, "endpoint_disabled")


def test_the_log_tells_of_every_attempt(hooks: Hooks, receiver: Receiver) -> None:
    endpoint = hooks.create(receiver)
    hooks.happen(created(hooks.workspace))
    receiver.answer(500, b"out of order " * 100)
    hooks.send(endpoint)
    receiver.answer(200, b"thanks")
    hooks.pass_time(minutes=1)
    hooks.send(endpoint)
    delivery = hooks.delivery(endpoint)
    assert (delivery["state"], delivery["attempts"], delivery["reason"]) == ("delivered", 2, None)
    failed, done = delivery["log"]
    assert (failed["status"], failed["error"], len(failed["response"])) == (500, None, 1024)
    assert (done["status"], done["response"]) == (200, "thanks")
    assert failed["at"] < done["at"]
    assert failed["duration_ms"] >= 0
    path = f"/{endpoint['id']}/deliveries/{delivery['id']}"
    shown = hooks.ask("GET", path).json
    assert shown.pop("body").encode() == receiver.received[0].body
    assert shown == delivery
    assert hooks.ask("GET", f"/{endpoint['id']}/deliveries/{uuid4()}").status == 404
    other = hooks.create(receiver)
    assert hooks.ask("GET", f"/{other['id']}/deliveries/{delivery['id']}").status == 404


def test_pages_of_the_log_and_of_one_state(hooks: Hooks, receiver: Receiver) -> None:
    endpoint = hooks.create(receiver)
    hooks.happen(*[created(hooks.workspace) for _ in range(3)])
    hooks.send(endpoint)
    hooks.happen(*[created(hooks.workspace) for _ in range(4)])

    def pages(query: str) -> list[str]:
        ids: list[str] = []
        cursor = ""
        while True:
            path = f"/{endpoint['id']}/deliveries?limit=2{query}{cursor}"
            answer = hooks.ask("GET", path).json
            ids += [one["id"] for one in answer["items"]]
            if answer["next_cursor"] is None:
                return ids
            cursor = f"&cursor={answer['next_cursor']}"

    every, done, open_ = pages(""), pages("&state=delivered"), pages("&state=pending")
    assert (len(every), len(done), len(open_)) == (7, 3, 4)
    assert every == open_ + done
    assert len(set(every)) == 7
    assert hooks.ask("GET", f"/{endpoint['id']}/deliveries?state=lost").status == 422


def test_a_replayed_delivery_is_the_same_message(hooks: Hooks, receiver: Receiver) -> None:
    endpoint = hooks.create(receiver)
    hooks.happen(created(hooks.workspace))
    hooks.send(endpoint)
    delivery = hooks.delivery(endpoint)
    hooks.woken()
    answer = hooks.ask("POST", f"/{endpoint['id']}/deliveries/{delivery['id']}/replay")
    assert (answer.status, answer.json["state"], answer.json["attempts"]) == (202, "pending", 0)
    assert hooks.woken() == [endpoint["id"]]
    hooks.pass_time(seconds=1)
    hooks.send(endpoint)
    first, second = receiver.received
    assert (first.id, first.body) == (second.id, second.body)
    assert len(hooks.delivery(endpoint)["log"]) == 2


def test_a_range_of_the_feed_is_replayed(
    hooks: Hooks, receiver: Receiver, workspace: Workspace
) -> None:
    """Also what happened before the endpoint was made, or while it was disabled."""
    made = [created(workspace, f"Person {n}") for n in range(5)]
    hooks.as_role("crm_app")
    with transaction(workspace.id, user_id=workspace.user_id) as tx:
        for event in made:
            tx.emit(event)
    endpoint = hooks.create(receiver, event_types=["ContactCreated"])
    hooks.happen(made[4].model_copy(update={"position": 5}))
    answer = hooks.ask("POST", f"/{endpoint['id']}/replay", {"after_position": 2})
    assert answer.status == 202
    assert answer.json == {"replayed": 3, "position": 6, "more": False}  # the sixth is our own
    hooks.send(endpoint)
    sent = sorted(receiver.received, key=lambda request: request.json["position"])
    assert [request.id for request in sent] == [str(one.id) for one in made[2:]]
    assert [request.json["position"] for request in sent] == [3, 4, 5]
    assert sent[0].json["data"]["name"] == "Person 2"
    nothing = hooks.ask("POST", f"/{endpoint['id']}/replay", {"after_position": 6})
    assert nothing.json == {"replayed": 0, "position": 6, "more": False}


def test_the_openapi_document_tells_what_is_sent() -> None:
    document = app.openapi()
    schema = document["webhooks"]["event"]["post"]["requestBody"]["content"]["application/json"]
    assert schema["schema"] == {"$ref": "#/components/schemas/Payload"}
    assert {"type", "timestamp", "data"} <= set(
        document["components"]["schemas"]["Payload"]["properties"]
    )
