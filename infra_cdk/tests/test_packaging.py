"""Every function starts on its built code and layers alone, and answers an event of every trigger.

As on Lambda: the real runtime client, a Python with nothing installed beside it, folders nobody can
write to. The environment is what the declaration gives, with real services behind it.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from infra_cdk.local.commands.coldbench.place import MAILBOX
from infra_cdk.local.environment import Environment
from infra_cdk.local.google.mailbox import Mailbox, insert
from infra_cdk.local.google.push import envelope
from infra_cdk.local.recorded_events import Recorded, recorded
from infra_cdk.local.slot import Result
from infra_cdk.local.state import CHECKOUT, State
from infra_cdk.local.unpacking import BARE_PYTHON, layers_of
from infra_cdk.tests.deployed import ALL, Deployed, deployed
from infra_cdk.tests.packages import Loaded, Packages, loaded, modules_on_lambda, packed
from infra_cdk.tests.probe import declare, write_project
from layers.failure import CannotBuild
from layers.interpreter import python_of
from layers.target import LAMBDA
from layers.tests.trees import needs_uv
from shared.wiring import Function

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600), needs_uv]

MAIL = CHECKOUT / "infra_cdk/local/samples/03-harrow-pike-rollout-pricing.eml"
UNCHECKED = 0b01
"""Bytecode whose source is not looked at (PEP 552)."""

each = pytest.mark.parametrize("name", ALL)


@dataclass(frozen=True)
class Run:
    """What a function answered to its events, and what it loaded meanwhile."""

    events: Sequence[Recorded]
    results: Sequence[Result]
    loaded: Loaded


RunOf = Callable[[str], Run]


@pytest.fixture(scope="module")
def packages() -> Iterator[Packages]:
    with packed() as made:
        yield made


@pytest.fixture(scope="module")
def run_of(packages: Packages) -> RunOf:
    """Runs a function, once for all tests."""

    @cache
    def run(name: str) -> Run:
        one, state = ALL[name], packages.place.state
        events = recorded(one, packages.place.known)
        results = invoke(packages.start(one, state), events)
        folders = packages.unpacked(layers_of(one))
        return Run(events, results, loaded(state.logs / f"{name}.log", folders))

    return run


def invoke(environment: Environment, events: Sequence[Recorded]) -> list[Result]:
    """The results of the events one after another, in one process."""

    async def scene() -> list[Result]:
        try:
            return [await environment.invoke(one.event) for one in events]
        finally:
            await environment.close()

    return asyncio.run(scene())


def wrong(event: Recorded, result: Result) -> str:
    if result.error is not None:
        return event.wrong(None, result.error["errorMessage"])
    return event.wrong(result.json(), None)


@each
def test_it_answers_an_event_of_every_trigger(run_of: RunOf, name: str) -> None:
    run = run_of(name)
    answers = map(wrong, run.events, run.results)
    assert [answer for answer in answers if answer] == []
    assert [result.cold for result in run.results] == [n == 0 for n in range(len(run.events))]


@each
def test_it_loads_nothing_but_its_own(run_of: RunOf, name: str) -> None:
    own = run_of(name).loaded
    assert own.strangers == set()
    assert [root.name for root, paths in own.own.items() if not paths] == []


@each
def test_nothing_is_compiled_when_it_starts(run_of: RunOf, name: str) -> None:
    own = run_of(name).loaded
    assert own.compiled == set()
    bytecode = [path for paths in own.own.values() for path in paths if path.suffix == ".pyc"]
    assert len(bytecode) > 100
    assert {int.from_bytes(path.read_bytes()[4:8], "little") for path in bytecode} == {UNCHECKED}


@each
def test_all_that_it_loads_is_there_on_lambda_too(run_of: RunOf, name: str) -> None:
    _require_on_lambda(name, run_of(name).loaded)


def _require_on_lambda(name: str, found: Loaded) -> None:
    try:
        python_of(LAMBDA)
    except CannotBuild as error:
        pytest.skip(str(error))
    there = modules_on_lambda(("functions", *layers_of(ALL[name])))
    assert found.modules - there == set()


def test_what_runs_on_a_deploy_does_nothing_the_second_time(run_of: RunOf) -> None:
    answers: dict[str, Any] = {
        name: run_of(name).results[-1].json() for name, one in ALL.items() if one.function.on_deploy
    }
    assert answers == {"auth-keys": {"published": []}, "migrations-migrate": {"applied": []}}


def test_a_mail_goes_all_its_way(packages: Packages, tmp_path: Path) -> None:
    """What one event each does not reach: Google, the bucket, the key, the word lists, the bus."""
    state = State(tmp_path)

    async def scene() -> None:
        async with deployed(packages, state) as functions:
            await _a_mail_becomes_a_task(functions)

    asyncio.run(scene())
    for name in ("email-sync", "email-fetch", "ai-consumers", "automations-consumer", "email-api"):
        found = loaded(state.logs / f"{name}.log", packages.unpacked(layers_of(ALL[name])))
        assert (found.strangers, found.compiled) == (set(), set())
        used = {module.partition("/")[0] for module in found.modules}
        for layer in layers_of(ALL[name]):
            assert used & brought_by(packages, layer), f"{name} has no need of {layer}"
        _require_on_lambda(name, found)


async def _a_mail_becomes_a_task(functions: Deployed) -> None:
    known, google = functions.packages.place.known, functions.packages.place.google
    person = {"email": MAILBOX, "password": "correct horse", "name": "Ana", "workspace_name": "A"}
    token = (await functions.request("POST", "/api/v1/auth/sign-up", person))["access_token"]
    reaction = {
        "name": "Answer",
        "event_type": "EmailAnalyzed",
        "conditions": {"all": []},
        "actions": [{"type": "create_task", "title": "Call {sender}"}],
    }
    await functions.request("POST", "/api/v1/automations", reaction, token=token)
    access = {"address": MAILBOX, "access_token": google.token(MAILBOX)}
    await functions.request("POST", "/api/v1/mailboxes", access, token=token)
    await functions.deliver("email-sync")
    with Mailbox(google.url, MAILBOX) as box:
        insert(box, MAIL.read_bytes())
    push = json.loads(envelope(MAILBOX, "9999999999", "1", known.push_subscription))
    await functions.request("POST", "/webhooks/gmail", push, token=known.push_token)
    for name in ("email-sync", "email-fetch", "ai-consumers"):
        await functions.deliver(name)
    tasks: list[Any] = []
    while not tasks:  # mails and analyses come to the queue one by one; nothing more is an error
        await functions.deliver("automations-consumer")
        tasks = (await functions.request("GET", "/api/v1/tasks", token=token))["items"]
    [mail] = (await functions.request("GET", "/api/v1/emails", token=token))["items"]
    assert [task["title"] for task in tasks] == [f"Call {mail['sender_email']}"]
    assert mail["sentiment"] is not None
    assert mail["snippet"]


@pytest.mark.parametrize("layer", ["core", "shared"])
def test_without_a_layer_it_does_not_start(packages: Packages, tmp_path: Path, layer: str) -> None:
    """The instrument itself: nothing but the layers brings what is in them."""
    one = ALL["contacts-api"]
    layers = [other for other in layers_of(one) if other != layer]
    events = recorded(one, packages.place.known)
    [result] = invoke(packages.start(one, State(tmp_path), layers), events)
    assert result.error is not None
    assert result.error["errorType"] == "Runtime.ImportModuleError"
    missed = re.search(r"No module named '(\w+)", result.error["errorMessage"])
    assert missed, result.error
    assert missed[1] in brought_by(packages, layer)


def brought_by(packages: Packages, layer: str) -> set[str]:
    """The top names of the packages in a layer."""
    folder = packages.unpacked((layer,)).opt / "python"
    return {path.name.partition(".")[0] for path in folder.iterdir()}


def test_a_need_that_is_not_declared_is_missed(packages: Packages, tmp_path: Path) -> None:
    """The instrument itself: the environment is what the declaration gives."""
    one = ALL["contacts-api"]
    less = replace(one, function=replace(one.function, needs=frozenset({"bus"})))
    events = recorded(less, packages.place.known)
    results = invoke(packages.start(less, State(tmp_path)), events)
    assert "500" in wrong(events[0], results[0])
    assert "HASTE_DATABASE_URL is not set" in (tmp_path / "logs/contacts-api.log").read_text()


def test_a_module_without_bytecode_is_seen_to_be_compiled(
    packages: Packages, tmp_path: Path
) -> None:
    """The instrument itself."""
    root = write_project(tmp_path / "task", api="def handler(event, context): return 'fine'\n")
    [one] = declare(Function("api", "api.handler"))
    folders = replace(packages.unpacked(("shared",)), task=root)
    env = {**folders.environment, "PYTHONVERBOSE": "1"}
    state = State(tmp_path / "state")
    environment = Environment(one, env, root, state, python=BARE_PYTHON)
    [result] = invoke(environment, [Recorded("", {}, lambda _: True)])
    assert result.json() == "fine"
    found = loaded(state.logs / "probe-api.log", folders)
    assert root / "functions/probe/api.py" in found.compiled
    assert found.strangers == set()
