"""Declarations are complete, consistent, and what the code registers.

Whoever turns them into resources needs nothing else, so what AWS would refuse at a deploy is
refused here.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from collections import Counter
from dataclasses import asdict
from importlib import import_module
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from events.catalogue import all_events
from infra_cdk.local.function_environment import environment_for
from infra_cdk.local.provision import declared_queues
from infra_cdk.local.routes import routes_of
from infra_cdk.local.schedules import parse_schedule
from infra_cdk.local.stack_config import Resources, StackConfig
from infra_cdk.registry import capabilities, declared
from shared.runtime import Consumer
from shared.wiring import Declared, Function, Queue
from template_tests.source import capability_folders

ALL = declared()
QUEUES = {one.function.queue.name: one for one in ALL if one.function.queue}
LONGEST_STAGE = "haste-production-"
_GIVEN = re.compile(
    r"STAGE|FUNCTION|LOG_LEVEL|DATABASE_URL|CACHE_URL|BUCKET|BUS|KMS_KEY|SOCKETS_.*"
)

each = pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
each_http = pytest.mark.parametrize(
    "one", [one for one in ALL if one.function.http], ids=lambda one: one.name
)


def module_of(one: Declared) -> Any:
    """The module a function's handler is in."""
    return import_module(one.entry.rpartition(".")[0])


def handler_of(one: Declared) -> Any:
    """A function's handler."""
    return getattr(module_of(one), one.entry.rpartition(".")[2])


def test_every_folder_is_declared_under_its_own_name() -> None:
    assert [c.name for c in capabilities()] == [folder.name for folder in capability_folders()]


def test_declarations_are_data() -> None:
    """They survive JSON, so a backend in any language could read them."""
    text = json.dumps([asdict(c) for c in capabilities()], default=sorted)
    assert json.loads(text)[0]["functions"]


@each
def test_the_handler_exists(one: Declared) -> None:
    assert callable(handler_of(one))


def test_names_are_unique() -> None:
    names = [one.name for one in ALL]
    handlers = [one.entry for one in ALL]
    queues = [one.function.queue.name for one in ALL if one.function.queue]
    sockets = [route for one in ALL for route in one.function.sockets]
    for kind in (names, handlers, queues, sockets):
        assert [name for name, times in Counter(kind).items() if times > 1] == []
    routes_of(ALL)  # raises where a prefix is declared twice
    declared_queues(ALL)


@each
def test_something_invokes_the_function(one: Declared) -> None:
    f = one.function
    triggers = (f.http, f.queue, f.schedules, f.sockets, f.authorizer, f.on_deploy)
    assert any((*triggers, f.socket_authorizer))


def test_one_function_authorizes() -> None:
    assert sum(one.function.authorizer for one in ALL) == 1
    assert sum(one.function.socket_authorizer for one in ALL) == 1


@each
def test_lambda_takes_the_function(one: Declared) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
    f = one.function
    assert re.fullmatch(r"[a-z][a-z0-9-]*", one.name)
    assert len(LONGEST_STAGE + one.name) <= 64
    assert 128 <= f.memory <= 10_240
    assert 1 <= f.timeout <= 900
    if f.http or f.sockets or f.authorizer or f.socket_authorizer:
        assert f.timeout <= 29, "API Gateway waits 29 s"
    assert f.layers[0] == "core"
    assert len(set(f.layers)) == len(f.layers) <= 4, "five at most, and `shared` is one"


@each
def test_needs_agree_with_each_other(one: Declared) -> None:
    f = one.function
    assert ("database" in f.needs) == (f.role is not None), "a role is for the database"
    if f.snap_start:
        waits = f.http or f.authorizer or f.socket_authorizer
        assert waits, "SnapStart is for functions a person waits for"
    if "egress" in f.needs:
        assert f.needs & {"database", "cache"}, "outside the VPC every function has a way out"
    if f.on_deploy and "database" in f.needs:
        assert f.role == "crm_migrator"


@each
def test_names_asked_for_are_names_there_are(one: Declared) -> None:
    f = one.function
    assert set(f.sends) <= set(QUEUES)
    assert [name for name in f.env if not re.fullmatch(r"[A-Z][A-Z0-9_]*", name)] == []
    assert [name for name in f.env if _GIVEN.fullmatch(name)] == [], "given by `needs`"
    assert [name for name in f.env if name.startswith(("QUEUE_", "SECRET_"))] == []
    secrets = (*f.secrets, *f.writes_secrets)
    assert [name for name in secrets if not re.fullmatch(r"[a-z][a-z0-9-]*", name)] == []
    for names in (f.sends, f.env, secrets):
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("one", QUEUES.values(), ids=lambda one: one.name)
def test_sqs_takes_the_queue(one: Declared) -> None:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html"""
    queue = queue_of(one)
    for name in (queue.physical_name, queue.dead_letter_name):
        assert len(LONGEST_STAGE + name) <= 80
        assert re.fullmatch(r"[a-z][a-z0-9-]*(\.fifo)?", name)
    assert 1 <= queue.batch <= 10
    assert 2 <= queue.concurrency <= 1000
    assert 2 <= queue.retries <= 1000, "one failure must not send a message to the dead letters"
    assert 6 * one.function.timeout <= 12 * 3600, "visibility is six times the timeout"
    assert not (queue.fifo and queue.listens), "a rule cannot order what it puts on a queue"


@pytest.mark.parametrize("one", QUEUES.values(), ids=lambda one: one.name)
def test_a_queue_listens_to_what_has_a_reaction(one: Declared) -> None:
    queue = queue_of(one)
    handler = handler_of(one)
    consumers = [
        value
        for value in vars(module_of(one)).values()
        if isinstance(value, Consumer) and value.handler is handler
    ]
    if not queue.listens:
        assert consumers == [], "a consumer that listens to nothing"
        return
    [consumer] = consumers
    assert sorted(consumer.listens) == list(queue.hears(all_events()))
    assert consumer.listens <= set(all_events())
    assert consumer.name == queue.name, "the inbox knows the consumer by its queue"


def test_every_queue_is_filled() -> None:
    sent = {name for one in ALL for name in one.function.sends}
    listening = {name for name, one in QUEUES.items() if queue_of(one).listens}
    assert set(QUEUES) == sent | listening


@pytest.mark.parametrize(
    "one", [one for one in ALL if one.function.schedules], ids=lambda one: one.name
)
def test_schedules_are_jobs(one: Declared) -> None:
    handle = inspect.getclosurevars(inspect.unwrap(handler_of(one))).nonlocals["handle"]
    jobs = inspect.getclosurevars(handle).nonlocals["jobs"]
    assert sorted(s.name for s in one.function.schedules) == sorted(jobs)
    for schedule in one.function.schedules:
        parse_schedule(schedule.expression)


@each_http
def test_routes_and_prefixes_match(one: Declared) -> None:
    app = getattr(module_of(one), "app", None)
    if app is None:
        return  # a plain handler, as webhooks have, answers its prefix itself
    assert isinstance(app, FastAPI)
    routes = routes_of(ALL)
    answered: set[str] = set()
    for path in app.openapi()["paths"]:
        match = routes.match(path)
        assert match, f"{path} is behind no declared prefix"
        assert match.route.declared == one, f"{path} is {match.route.declared.name}'s"
        answered.add(match.route.prefix)
    assert answered == {http.prefix for http in one.function.http}


@each_http
def test_a_private_route_refuses_a_request_without_a_caller(one: Declared) -> None:
    """Should the authorizer ever be left out in front of it."""
    app = getattr(module_of(one), "app", None)
    if app is None:
        assert all(http.public for http in one.function.http)
        return
    routes = routes_of(ALL)
    for path, methods in app.openapi()["paths"].items():
        match = routes.match(path)
        if match is None or match.route.public:
            continue
        for method in methods:
            answer = asyncio.run(_request(app, method.upper(), path))
            assert answer.status_code == 401, f"{method} {path}: {answer.status_code}"


@each
def test_the_environment_follows_from_the_declaration(one: Declared) -> None:
    environment = environment_for(one, _complete_stack())
    f = one.function
    for name in (*f.sends, *f.secrets, *f.writes_secrets, *f.env):
        key = name.upper().replace("-", "_")
        assert any(variable.endswith(f"_{key}") for variable in environment)
    assert environment["HASTE_FUNCTION"] == one.name


def queue_of(one: Declared) -> Queue:
    """The queue of a function that has one."""
    assert one.function.queue
    return one.function.queue


def _complete_stack() -> StackConfig:
    """A stack that has what the declarations ask for, and nothing else."""
    functions: list[Function] = [one.function for one in ALL]
    resources = Resources(
        queues={name: f"https://sqs.invalid/{name}" for name in QUEUES},
        bus="bus",
        bucket="bucket",
        kms_key="key",
        secrets={name: name for f in functions for name in (*f.secrets, *f.writes_secrets)},
    )
    return StackConfig(
        home="/nowhere",
        token="token",
        database_urls={f.role: "postgresql://nowhere" for f in functions if f.role},
        cache_url="redis://nowhere",
        resources=resources,
        settings={name: "value" for f in functions for name in f.env},
    )


async def _request(app: FastAPI, method: str, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(app)
    filled = re.sub(r"\{[^}]*\}", "019a9f00-0000-7000-8000-0000000000a1", path)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.request(method, filled)
