"""A workspace's people with connections: tickets, handshakes and messages through the handlers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

import pytest

from functions.realtime import authorizer, consumers, posting, sessions, sockets
from functions.realtime.api import handler as api
from functions.realtime.tests import gateway as stand_in
from functions.realtime.tests.gateway import Gateway
from shared import aws as clients
from shared.access import EVERYTHING, Access
from shared.testing import Answer, Call, Database, Deliver, LambdaContext, Workspace

ARN = "arn:aws:execute-api:us-east-1:000000000000:socketapi/stage/$connect"


@dataclass
class Socket:
    """One connection of one person, as API Gateway knows it."""

    scene: Scene
    id: str
    context: dict[str, str]

    def route(self, key: str, body: Any = None) -> int:
        """The status a route of the handler answers."""
        event: dict[str, Any] = {
            "requestContext": {
                "routeKey": key,
                "connectionId": self.id,
                "authorizer": self.context,
            }
        }
        if body is not None:
            event["body"] = body if isinstance(body, str) else json.dumps(body)
        self.scene.as_role("crm_app")
        return sockets.handler(event, cast("Any", LambdaContext()))["statusCode"]

    def say(self, action: str, **fields: Any) -> list[dict[str, Any]]:
        """Say something; what was posted to the connection meanwhile."""
        return self.said({"action": action, **fields})

    def said(self, body: Any) -> list[dict[str, Any]]:
        before = len(self.received)
        assert self.route("$default", body) == 200
        return self.received[before:]

    @property
    def received(self) -> list[dict[str, Any]]:
        """Everything that was posted to it."""
        return self.scene.gateway.sent[self.id]

    def heard(self) -> list[dict[str, Any]]:
        """What was posted since it was last asked."""
        found, self.received[:] = list(self.received), []
        return found

    @property
    def is_open(self) -> bool:
        return self.id in self.scene.gateway.open


@dataclass
class Scene:
    """Tickets, handshakes and events."""

    call: Call
    as_role: Callable[[str], None]
    deliver: Deliver
    database: Database
    gateway: Gateway
    monkeypatch: pytest.MonkeyPatch

    def ticket(self, person: Workspace, access: Access = EVERYTHING) -> Answer:
        """Ask for a ticket."""
        url = "/api/v1/realtime/tickets"
        return self.call(api, "POST", url, workspace=person, access=access)

    def authorize(self, ticket: str | None, **headers: str) -> dict[str, Any]:
        """What the authorizer says of a handshake."""
        self.as_role("crm_app")
        given = None if ticket is None else {"ticket": ticket}
        event: dict[str, Any] = {
            "type": "REQUEST",
            "methodArn": ARN,
            "headers": headers,
            "queryStringParameters": given,
        }
        return authorizer.handler(event, cast("Any", LambdaContext()))

    def handshake(self, context: dict[str, str]) -> tuple[int, Socket]:
        """Open a connection for whom the authorizer let in: the status, and the connection."""
        socket = Socket(self, f"{uuid4().hex[:14]}=", context)
        status = socket.route("$connect")
        if status == 200:
            self.gateway.open.add(socket.id)
        return status, socket

    def connect(self, person: Workspace) -> Socket:
        """Open a connection, from the ticket on."""
        ticket = self.ticket(person)
        assert ticket.status == 201, ticket.json
        status, socket = self.handshake(self.authorize(ticket.json["ticket"])["context"])
        assert status == 200
        return socket

    def happen(self, *events: Any, receives: int = 1) -> list[str]:
        """Deliver events to the queue; the ids of the messages that failed."""

        def as_app(event: dict[str, Any], context: LambdaContext) -> Any:
            self.as_role("crm_app")
            return consumers.handler(event, cast("Any", context))

        return self.deliver(as_app, *events, receives=receives)

    def sign_in(self, person: Workspace) -> Workspace:
        """Give a person the session that they are said to have."""
        self.database.admin(
            """
            insert into sessions (workspace_id, id, user_id, expires_at)
            values (%(workspace)s, %(id)s, %(user)s, now() + interval '1 day')
            """,
            workspace=person.id,
            id=person.session_id,
            user=person.user_id,
        )
        return person

    def revoke(self, person: Workspace) -> None:
        """End a session in the database, with nobody told."""
        self.database.admin("update sessions set revoked_at = now() where id = %(id)s",
                            id=person.session_id)  # fmt: skip

    def member(self, place: Workspace, grants: list[str]) -> Workspace:
        """Another member of a workspace, signed in, with a role of its own making."""
        user_id, role_id = uuid4(), uuid4()
        self.database.admin(
            """
            with person as (
                insert into users (id, email, name, password_hash)
                values (%(user)s, %(email)s, 'Member', 'none')
            ), made as (
                insert into roles (workspace_id, id, name, grants)
                values (%(workspace)s, %(role)s, %(role)s::text, %(grants)s)
            )
            insert into memberships (workspace_id, user_id, role, role_id)
            values (%(workspace)s, %(user)s, 'custom', %(role)s)
            """,
            user=user_id,
            email=f"{user_id}@example.com",
            workspace=place.id,
            role=role_id,
            grants=grants,
        )
        return self.sign_in(Workspace(place.id, user_id))

    def later(self) -> None:
        """Let what was read of sessions be too old to trust."""
        self.monkeypatch.setattr(sessions, "_read", {})


@pytest.fixture
def cached(valkey: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HASTE_CACHE_URL", valkey.url)


@pytest.fixture
def no_cache(cached: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The cache stops answering."""
    with monkeypatch.context() as patched:
        patched.setenv("HASTE_CACHE_URL", "redis://127.0.0.1:1")
        yield


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch, aws: None) -> Iterator[Gateway]:
    with stand_in.running() as made:
        monkeypatch.setenv("HASTE_SOCKETS_ENDPOINT", made.url)
        monkeypatch.setenv("HASTE_SOCKETS_URL", "wss://sockets.example.com/stage")
        clients.forget_clients()
        yield made
        module: Any = posting
        module._pool().clear()


@pytest.fixture
def scene(
    call: Call,
    as_role: Callable[[str], None],
    deliver: Deliver,
    database: Database,
    gateway: Gateway,
    cached: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Scene:
    return Scene(call, as_role, deliver, database, gateway, monkeypatch)


@pytest.fixture
def owner(scene: Scene, workspace: Workspace) -> Workspace:
    """The workspace's owner, signed in."""
    return scene.sign_in(workspace)
