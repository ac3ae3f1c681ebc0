"""A new capability is one folder: everything else follows from its declaration.

A copy of the checkout gets the capability `parrots`: its folder, a migration, and nothing else. CDK
synthesises the copy, and the copy's gateway and pollers run it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from infra_cdk.local.ministack import Ministack
from infra_cdk.local.scheduler import scheduled_event
from infra_cdk.local.stack_config import Resources
from infra_cdk.local.state import free_port
from infra_cdk.tests.probe import config, eventually, running
from template_tests.differences import assets, differences
from template_tests.source import ROOT
from template_tests.synthesis import cdk, made_once, shared_folder
from template_tests.templates import Assembly, load

COPIED = ("functions", "shared", "events", "infra_cdk", "layers")
FILES = ("pyproject.toml", "cdk.json", "uv.lock")
PARROTS = {
    "__init__": "",
    "capability": '''
        """Parrots: they say what they heard."""

        from shared.wiring import Capability, Function, Http, Queue, Schedule

        CAPABILITY = Capability(
            "parrots",
            functions=(
                Function(
                    "api",
                    "api.handler",
                    http=(Http("/api/v1/parrots"), Http("/parrots", public=True)),
                    needs=frozenset({"bus"}),
                    snap_start=True,
                ),
                Function(
                    "consumer",
                    "consumers.handler",
                    queue=Queue("parrots", listens=("WorkspaceCreated",), batch=5, concurrency=3),
                ),
                Function(
                    "jobs", "jobs.handler", schedules=(Schedule("feed", "rate(2 hours)"),)
                ),
            ),
        )
    ''',
    "api": '''
        """`/parrots`."""

        from shared.http import ANYBODY, create_app, http_handler, needs

        app = create_app("Parrots")


        @app.get("/parrots/{word}", openapi_extra=needs(ANYBODY))
        async def say(word: str) -> dict[str, str]:
            """What was said to it."""
            return {"says": word}


        handler = http_handler(app)
    ''',
    "consumers": '''
        """The queue `parrots`."""

        from collections.abc import Sequence
        from pathlib import Path

        from events.workspaces import WorkspaceCreated
        from shared.runtime import Consumer

        consumer = Consumer("parrots")


        @consumer.on_vendor(WorkspaceCreated)
        def repeat(events: Sequence[WorkspaceCreated]) -> None:
            Path("heard").write_text("".join(event.name for event in events))


        handler = consumer.handler
    ''',
    "jobs": '''
        """The schedules of parrots."""

        from pathlib import Path

        from shared.runtime import job_handler

        handler = job_handler({"feed": lambda: Path("fed").touch()})
    ''',
}
ENDPOINT = """

@app.get("/api/v1/contacts/{contact_id}/parrot", openapi_extra=needs("contacts.read"))
async def get_parrot(contact_id: UUID) -> dict[str, str]:
    return {"of": str(contact_id)}

"""
PROVISION = """
import json, sys
from dataclasses import asdict
from infra_cdk.local.provision import provision
from infra_cdk.registry import declared
print(json.dumps(asdict(provision(declared(), sys.argv[1]))))
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the copy in `checkout`, its templates in `parrots`, and in `endpoint` those
    after a new endpoint of a capability that was there before.
    """
    return made_once(shared_folder(tmp_path_factory) / "copy", _make_copy)


def _make_copy(folder: Path) -> None:
    checkout = folder / "checkout"
    for name in COPIED:
        unwanted = shutil.ignore_patterns("__pycache__", "node_modules")
        shutil.copytree(ROOT / name, checkout / name, ignore=unwanted)
    for name in FILES:
        shutil.copy(ROOT / name, checkout / name)
    parrots = checkout / "functions/parrots"
    parrots.mkdir()
    for module, source in PARROTS.items():
        (parrots / f"{module}.py").write_text(textwrap.dedent(source).lstrip())
    migrations = checkout / "shared/db/migrations"
    (migrations / "9999_parrots.sql").write_text("create table parrots (name text);\n")
    contacts = checkout / "functions/contacts/api.py"
    with cdk(folder / "log", checkout) as synthesise:
        synthesise(folder / "parrots", stage="dev")
        before, line, after = contacts.read_text().partition("\nhandler = ")
        contacts.write_text(before + ENDPOINT + line + after)
        synthesise(folder / "endpoint", stage="dev")


@pytest.fixture
def parrots(copy: Path) -> Assembly:
    """What CDK makes of the copy."""
    return load(copy / "parrots", "dev")


@pytest.fixture
def dev(synthesised: Path) -> Assembly:
    """What CDK makes of the checkout."""
    return load(synthesised / "dev", "dev")


def test_it_is_deployed_without_a_line_of_infrastructure(copy: Path) -> None:
    assert _content(copy / "checkout/infra_cdk") == _content(ROOT / "infra_cdk")


def test_cdk_makes_its_functions_route_queue_rule_and_schedule(parrots: Assembly) -> None:
    functions = parrots.functions()
    assert functions["parrots-api"]["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert functions["parrots-consumer"]["Handler"] == "functions.parrots.consumers.handler"
    assert functions["parrots-api"]["Environment"]["Variables"]["HASTE_BUS"] == "haste-dev"
    queues = parrots.named("AWS::SQS::Queue", "QueueName")
    assert {"parrots", "parrots-dlq"} <= set(queues)
    [rule] = [
        one
        for one in parrots.of("AWS::Events::Rule")
        if one["Targets"][0]["Arn"].endswith(":haste-dev-parrots")
    ]
    assert rule["EventPattern"]["detail-type"] == ["WorkspaceCreated"]
    schedule = parrots.named("AWS::Scheduler::Schedule", "Name")["parrots-jobs-feed"]
    assert schedule["ScheduleExpression"] == "rate(2 hours)"
    called = [
        one["AuthorizationType"]
        for one in parrots.of("AWS::ApiGateway::Method")
        if ":haste-dev-parrots-api:live/" in one["Integration"]["Uri"]
    ]
    assert sorted(called) == ["CUSTOM"] * 4 + ["NONE"] * 2, "under both names of the API"


def test_it_changes_nothing_of_the_others(dev: Assembly, parrots: Assembly) -> None:
    """Besides its own stack: its routes, its queue, and that the API is deployed anew."""
    found = differences(dev, parrots)
    own = [line for line in found if line.startswith("parrots: ")]
    assert len(own) > 10
    for line in set(found) - set(own):
        place, _, change = line.partition(": (nothing) -> ")
        assert change, f"this is no addition: {line}"
        deployed = place.startswith("api: Api/Deployment/") and place.endswith("DependsOn")
        assert deployed or place.startswith(
            (
                "api: Api/Default/api/latest/parrots/",
                "api: Api/Default/api/v1/parrots/",
                "api: Api/Default/parrots/",
                "api: Invoke-parrots-api",
                "messaging: parrots/",
            )
        ), line


def test_new_code_is_a_new_version_and_a_new_schema_is_migrated(
    dev: Assembly, parrots: Assembly
) -> None:
    """The hash of `shared`, which has the migrations in it, is in the layer's parameter."""
    changed = {name for name, identity in assets(dev).items() if assets(parrots)[name] != identity}
    assert changed == {"functions", "shared"}
    before, after = (_migrate(assembly) for assembly in (dev, parrots))
    assert before[0]["Layers"] != after[0]["Layers"]
    assert before[1]["HandlerArn"] != after[1]["HandlerArn"], "it is not invoked at this deploy"


def test_a_new_endpoint_changes_the_code_and_no_resource(copy: Path, parrots: Assembly) -> None:
    endpoint = load(copy / "endpoint", "dev")
    assert differences(parrots, endpoint) == []
    before, after = assets(parrots), assets(endpoint)
    assert {name for name in before if before[name] != after[name]} == {"functions"}


@pytest.fixture
def laptop(copy: Path, ministack: Ministack, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The copy's gateway and pollers, in front of a stand-in of AWS: their addresses."""
    checkout = copy / "checkout"
    made = subprocess.run(
        [sys.executable, "-c", PROVISION, ministack.url],
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        check=True,
    )
    settings = config(
        checkout,
        home=str(tmp_path),
        aws_url=ministack.url,
        resources=Resources(**json.loads(made.stdout)),
    )
    found: dict[str, str] = {}
    with ExitStack() as stack:
        for runner in ("gateway", "pollers"):
            port = free_port()
            told = replace(settings, **{f"{runner}_port": port})
            stack.enter_context(running(checkout, f"infra_cdk.local.{runner}", told))
            found[runner] = f"http://127.0.0.1:{port}"
        yield found


def test_a_laptop_runs_it(copy: Path, laptop: dict[str, str], ministack: Ministack) -> None:
    """Its endpoint answers, an event on the bus reaches it through its queue, its job runs."""
    answer = httpx.get(f"{laptop['gateway']}/parrots/hello", timeout=60)
    assert (answer.status_code, answer.json()) == (200, {"says": "hello"})
    refused = httpx.get(f"{laptop['gateway']}/api/v1/parrots", timeout=60)
    assert refused.status_code == 401
    assert httpx.get(f"{laptop['gateway']}/api/v1/parakeets", timeout=60).status_code == 404

    _put_event(ministack)
    heard, fed = copy / "checkout/heard", copy / "checkout/fed"
    eventually(heard.exists)
    job = scheduled_event("parrots-jobs", "feed", datetime.now(UTC))
    url = f"{laptop['pollers']}/_haste/invoke/parrots-jobs"
    done = httpx.post(url, json=job, headers={"x-haste-token": "t0k3n"}, timeout=60)
    assert done.json()["error"] is None
    assert fed.exists()


def _put_event(ministack: Ministack) -> None:
    sample = (ROOT / "events/samples/WorkspaceCreated.v1.json").read_text()
    events = boto3.client("events", endpoint_url=ministack.url, **_CREDENTIALS)
    try:
        entry: Any = {
            "EventBusName": "haste",
            "Source": "haste.workspaces",
            "DetailType": "WorkspaceCreated",
            "Detail": sample,
        }
        assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    finally:
        events.close()


_CREDENTIALS: dict[str, Any] = {
    "region_name": "us-east-1",
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
}


def _migrate(assembly: Assembly) -> tuple[Any, Any]:
    """The function that migrates, and what invokes it at a deploy."""
    function = assembly.functions()["migrations-migrate"]
    [trigger] = assembly.templates["migrations"].of("Custom::Trigger")
    return function, trigger


def _content(folder: Path) -> dict[str, str]:
    """The hash of every module below."""
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*.py")
        if "node_modules" not in path.parts
    }
