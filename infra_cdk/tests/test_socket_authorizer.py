"""Who may connect to the WebSocket API: the declared authorizer says so, once for a connection."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from infra_cdk.local.state import free_port
from infra_cdk.tests.probe import config, eventually, running, write_project

CAPABILITY = """
    from shared.wiring import Capability, Function
    CAPABILITY = Capability("probe", (
        Function("sockets", "sockets.handler", sockets=("$connect", "$default", "$disconnect")),
        Function("guard", "guard.handler", socket_authorizer=True),
    ))
"""
SOCKETS = """
    import json
    def handler(event, context):
        with open("events", "a") as log:
            log.write(json.dumps(event) + "\\n")
        return {"statusCode": 200}
"""
GUARD = """
    import json
    def handler(event, context):
        with open("asked", "a") as log:
            log.write(json.dumps(event) + "\\n")
        ticket = event["queryStringParameters"]["ticket"]
        if ticket == "none":
            raise Exception("Unauthorized")
        if ticket == "broken":
            return {"principalId": "p"}
        if ticket == "crash":
            raise ValueError
        arn = "arn:aws:execute-api:*" if ticket == "elsewhere" else event["methodArn"]
        effect = "Deny" if ticket == "denied" else "Allow"
        statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": arn}
        if ticket == "elsewhere":
            statement["Resource"] = arn + "/other/$connect"
        return {"principalId": "p", "context": {"who": ticket, "number": 7},
                "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="module")
def url(root: Path) -> Iterator[str]:
    write_project(root, capability=CAPABILITY, sockets=SOCKETS, guard=GUARD)
    port = free_port()
    with running(root, "infra_cdk.local.gateway", config(root, gateway_port=port)):
        yield f"ws://127.0.0.1:{port}/ws"


def lines(path: Path) -> list[dict[str, Any]]:
    written = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in written.splitlines() if line.endswith("}")]


def test_what_the_authorizer_says_comes_with_every_event(root: Path, url: str) -> None:
    with connect(f"{url}?ticket=good&more=1") as client:
        client.send('{"action": "say"}')
    eventually(lambda: len(lines(root / "events")) == 3)
    contexts = [event["requestContext"] for event in lines(root / "events")]
    assert [one["routeKey"] for one in contexts] == ["$connect", "$default", "$disconnect"]
    for one in contexts:
        assert (one["authorizer"]["who"], one["authorizer"]["number"]) == ("good", "7")
        assert one["authorizer"]["principalId"] == "p"
    [asked] = lines(root / "asked")
    assert asked["type"] == "REQUEST"
    assert asked["methodArn"].endswith(":hastelocalws/local/$connect")
    assert asked["queryStringParameters"] == {"ticket": "good", "more": "1"}
    assert asked["requestContext"]["connectionId"] == contexts[0]["connectionId"]
    assert {"headers", "multiValueHeaders", "stageVariables"} <= asked.keys()


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 401),
        ("?ticket=", 401),
        ("?tickets=good", 401),
        ("?ticket=none", 401),
        ("?ticket=denied", 403),
        ("?ticket=elsewhere", 403),
        ("?ticket=broken", 500),
        ("?ticket=crash", 500),
    ],
)
def test_nobody_else_gets_in(root: Path, url: str, query: str, status: int) -> None:
    before = lines(root / "events")
    with pytest.raises(InvalidStatus) as refused, connect(f"{url}{query}"):
        pass
    assert refused.value.response.status_code == status
    assert lines(root / "events") == before, "the function is not asked"


def test_without_a_ticket_the_authorizer_is_not_asked_and_with_one_every_time(
    root: Path, url: str
) -> None:
    before = len(lines(root / "asked"))
    with suppress(InvalidStatus), connect(url):
        pass
    assert len(lines(root / "asked")) == before
    with ExitStack() as closing:
        for _ in range(2):
            closing.enter_context(connect(f"{url}?ticket=good"))
    assert len(lines(root / "asked")) == before + 2
