"""Events for the triggers of a function: for all of them, and as its declaration says."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from functions.auth.keys import new_private_keys
from infra_cdk.local.recorded_events import Known, Recorded, recorded
from infra_cdk.registry import declared
from infra_cdk.tests.probe import declare
from shared.access import EVERYTHING
from shared.wiring import Declared, Function, Http, Queue, Schedule

KNOWN = Known(uuid4(), uuid4(), new_private_keys(), "projects/p/subscriptions/gmail", "a.b.c")

each = pytest.mark.parametrize("one", declared(), ids=lambda one: one.name)


def of(function: Function) -> list[Recorded]:
    [one] = declare(function)
    return recorded(one, KNOWN)


@each
def test_every_trigger_has_an_event(one: Declared) -> None:
    function = one.function
    declares = (*function.http, *function.schedules, *function.sockets)
    single = (
        function.queue,
        function.authorizer,
        function.socket_authorizer,
        function.on_deploy,
    )
    assert len(recorded(one, KNOWN)) == len(declares) + sum(map(bool, single))


@pytest.mark.parametrize("queue", [Queue("q", listens=("ContactCreated",)), Queue("email-sync")])
def test_a_batch_is_another_one_at_each_call(queue: Queue) -> None:
    """A message has its effect once; a benchmark sends ten."""
    function = Function("consumer", "c.handler", queue=queue)
    [first], [second] = (of(function)[0].event["Records"] for _ in range(2))
    assert first["messageId"] != second["messageId"]
    if queue.listens:
        ids = [json.loads(record["body"])["detail"]["id"] for record in (first, second)]
        assert ids[0] != ids[1]


def test_a_request_is_for_the_declared_prefix() -> None:
    http = (Http("/api/v1/open", public=True), Http("/api/v1/deals"))
    public, private = of(Function("api", "api.handler", http=http))
    assert (public.trigger, private.trigger) == ("GET /api/v1/open", "GET /api/v1/deals")
    assert private.event["resource"] == private.event["path"] == "/api/v1/deals"
    assert "authorizer" not in public.event["requestContext"]
    caller = private.event["requestContext"]["authorizer"]
    assert (caller["workspace_id"], caller["access"]) == (str(KNOWN.workspace_id), str(EVERYTHING))


def test_a_queue_gets_every_event_that_it_listens_to() -> None:
    queue = Queue("probe", listens=("ContactCreated", "EmailReceived"))
    [batch] = of(Function("consumer", "c.handler", queue=queue))
    bodies = [json.loads(record["body"]) for record in batch.event["Records"]]
    assert [body["detail-type"] for body in bodies] == ["ContactCreated", "EmailReceived"]
    assert [body["source"] for body in bodies] == ["haste.contacts", "haste.email"]
    assert {body["detail"]["workspace_id"] for body in bodies} == {str(KNOWN.workspace_id)}


def test_a_schedule_and_a_socket_say_which() -> None:
    function = Function(
        "jobs",
        "jobs.handler",
        schedules=(Schedule("sweep", "rate(1 minute)"),),
        sockets=("$connect", "ping"),
    )
    sweep, connect, ping = of(function)
    assert sweep.event["detail"] == {"job": "sweep"}
    routes = [one.event["requestContext"] for one in (connect, ping)]
    assert [(route["routeKey"], route["eventType"]) for route in routes] == [
        ("$connect", "CONNECT"),
        ("ping", "MESSAGE"),
    ]


def test_a_function_that_nothing_calls_has_no_event() -> None:
    with pytest.raises(LookupError, match="probe-idle declares nothing"):
        of(Function("idle", "idle.handler"))


def test_a_queue_of_our_own_needs_a_message() -> None:
    with pytest.raises(LookupError, match="what is put on unheard-of"):
        of(Function("consumer", "c.handler", queue=Queue("unheard-of")))


def test_an_answer_that_is_not_proper_is_told() -> None:
    [request] = of(Function("api", "api.handler", http=(Http("/api/v1/deals"),)))
    assert request.wrong({"statusCode": 200}, None) == ""
    assert "GET /api/v1/deals was answered with" in request.wrong({"statusCode": 500}, None)
    assert "the error 'boom'" in request.wrong(None, "boom")


def test_an_authorizer_has_to_refuse() -> None:
    [asked] = of(Function("authorizer", "a.handler", authorizer=True))
    assert asked.wrong(None, "Unauthorized") == ""
    assert asked.wrong({"policyDocument": {}}, None)
    assert asked.wrong(None, "database is down")
