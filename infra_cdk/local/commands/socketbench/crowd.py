"""Many clients of the WebSocket API in one process, and when each heard of what."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, LiteralString
from uuid import uuid4

import httpx
import psycopg
from websockets.asyncio.client import ClientConnection, connect

from infra_cdk.local.commands.apibench.people import Workspace
from infra_cdk.local.commands.failure import CannotDo
from infra_cdk.local.stack import Stack
from shared.access import EVERYTHING

_AT_ONCE = 8
_PATIENCE_S = 60.0
_SIGN_IN: LiteralString = """
    insert into sessions (workspace_id, id, user_id, expires_at)
    values (%(workspace)s, %(session)s, %(user)s, now() + interval '1 day')
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A workspace, and the session of its owner."""

    workspace: Workspace
    session_id: str

    @property
    def caller(self) -> dict[str, str]:
        """What the authorizer would say of the owner."""
        return {
            "principalId": str(self.workspace.user_id),
            "workspace_id": str(self.workspace.id),
            "user_id": str(self.workspace.user_id),
            "session_id": self.session_id,
            "access": str(EVERYTHING),
        }


@dataclass
class Crowd:
    """Open connections. `heard` is when each message about a record came, by the record's id."""

    sockets: list[ClientConnection] = field(default_factory=list[ClientConnection])
    heard: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    at: dict[str, str] = field(default_factory=dict[str, str])
    listening: int = 0

    async def listen(self, socket: ClientConnection) -> None:
        """Note what comes, and when by the clock."""
        async for text in socket:
            came = time.time()
            message: dict[str, Any] = json.loads(text)
            if message["type"] == "subscribed":
                self.listening += 1
            elif message["type"] == "ContactCreated" or message["type"] == "ContactChanged":
                self.heard.setdefault(message["id"], []).append(came)
                self.at[message["id"]] = message["at"]
            else:
                raise CannotDo(f"A client was told {text[:500]}")

    async def until_heard(self, ids: Sequence[str], times: int) -> None:
        """Wait until every client that should has heard of every record.

        Raises:
            CannotDo: some did not within a minute.
        """
        deadline = time.monotonic() + _PATIENCE_S
        while missing := sum(len(self.heard.get(one, ())) < times for one in ids):
            if time.monotonic() > deadline:
                raise CannotDo(f"{missing} of {len(ids)} events were not told to everybody.")
            await asyncio.sleep(0.01)


@contextmanager
def signed_in(url: str, workspaces: Sequence[Workspace]) -> Generator[list[Place]]:
    """A session for each workspace's owner."""
    places = [Place(one, str(uuid4())) for one in workspaces]
    with psycopg.connect(url, autocommit=True) as migrator:
        for place in places:
            migrator.execute(
                _SIGN_IN,
                {
                    "workspace": place.workspace.id,
                    "session": place.session_id,
                    "user": place.workspace.user_id,
                },
            )
    yield places


async def invoke(
    client: httpx.AsyncClient, stack: Stack, runner: str, function: str, event: dict[str, Any]
) -> Any:
    """Run a function on an event; its answer.

    Raises:
        CannotDo: it failed.
    """
    url = f"{stack.runner_url(runner)}/_haste/invoke/{function}"
    answer = await client.post(url, json=event, headers=stack.admin_headers)
    result = answer.raise_for_status().json()
    if result["error"]:
        raise CannotDo(f"{function} failed: {result['error']}")
    return result["payload"]


def request(place: Place, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """API Gateway's event of a request of a workspace's owner."""
    headers = {"Host": "localhost", "Content-Type": "application/json"}
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"proxy": path.lstrip("/")},
        "stageVariables": None,
        "requestContext": {
            "requestId": str(uuid4()),
            "stage": "local",
            "path": path,
            "httpMethod": method,
            "identity": {"sourceIp": "127.0.0.1", "userAgent": "bench"},
            "authorizer": place.caller,
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


async def gather(
    stack: Stack, client: httpx.AsyncClient, places: Sequence[Place], each: int
) -> Crowd:
    """Open `each` connections for every workspace, which follow its contacts.

    Raises:
        CannotDo: one was refused.
    """
    crowd, gate = Crowd(), asyncio.Semaphore(_AT_ONCE)

    async def join(place: Place) -> None:
        async with gate:
            event = request(place, "POST", "/api/v1/realtime/tickets")
            answer = await invoke(client, stack, "gateway", "realtime-api", event)
            if answer["statusCode"] != 201:
                raise CannotDo(f"A ticket was refused: {answer['body']}")
            ticket = json.loads(answer["body"])
            address = f"{ticket['url']}?ticket={ticket['ticket']}"
            socket = await connect(address, open_timeout=_PATIENCE_S, ping_interval=None)
            crowd.sockets.append(socket)
            await socket.send(json.dumps({"action": "subscribe", "topics": ["contacts"]}))

    await asyncio.gather(*(join(place) for place in places for _ in range(each)))
    return crowd
