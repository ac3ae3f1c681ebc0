"""What the tests of webhooks share: endpoints, the queue between, and time that passes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID, uuid4

import psycopg
import pytest

from events.envelope import Event
from functions.webhooks import jobs
from functions.webhooks.api import handler as api
from functions.webhooks.consumers import events, sends
from functions.webhooks.models import DueEndpoint
from functions.webhooks.tests.receiver import Receiver, receiving
from shared.access import NOTHING, ROLES
from shared.aws import client
from shared.db import connection
from shared.testing import Answer, Call, Database, Deliver, LambdaContext, Workspace

URL = "/api/v1/webhooks"


@dataclass(frozen=True)
class Hooks:
    """Does what people, the bus, the pollers and the scheduler do."""

    call: Call
    deliver: Deliver
    as_role: Callable[[str], None]
    database: Database
    workspace: Workspace
    queue: str

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        """A request by the owner, or by whoever has the `role` that is given."""
        role: str | None = options.pop("role", None)

        def as_member(event: dict[str, Any], context: Any) -> Any:
            if role is not None:
                event["requestContext"]["authorizer"]["access"] = str(ROLES.get(role, NOTHING))
            return api(event, context)

        return self.call(as_member, method, f"{URL}{path}", body, **options)

    def create(self, receiver: Receiver | str, **fields: Any) -> dict[str, Any]:
        """A new endpoint, with its secret."""
        url = receiver if isinstance(receiver, str) else receiver.url
        answer = self.ask("POST", "", {"url": url, **fields})
        assert answer.status == 201, answer.json
        return answer.json

    def happen(self, *happened: Event) -> None:
        """Events arrive at the queue `webhooks`."""
        assert self.deliver(events.handler, *happened) == []

    def woken(self) -> list[str]:
        """The endpoints that senders were sent for, at once, since the last look."""
        found = client("sqs").receive_message(
            QueueUrl=self.queue, MaxNumberOfMessages=10, WaitTimeSeconds=0
        )
        for message in found.get("Messages", []):
            handle = message.get("ReceiptHandle", "")
            client("sqs").delete_message(QueueUrl=self.queue, ReceiptHandle=handle)
        bodies = [json.loads(message.get("Body", "")) for message in found.get("Messages", [])]
        return [body["endpoint_id"] for body in bodies]

    def send(self, endpoint: dict[str, Any]) -> None:
        """A sender comes for the endpoint."""
        message = DueEndpoint(workspace_id=self.workspace.id, endpoint_id=UUID(endpoint["id"]))
        assert self.deliver(sends.handler, message) == []

    def tick(self, job: str) -> None:
        """The scheduler runs a job."""
        self.as_role("crm_worker")
        jobs.handler({"detail": {"job": job}}, LambdaContext())  # pyright: ignore[reportArgumentType]

    def endpoint(self, endpoint: dict[str, Any]) -> dict[str, Any]:
        return self.ask("GET", f"/{endpoint['id']}").json

    def deliveries(self, endpoint: dict[str, Any]) -> list[dict[str, Any]]:
        """The endpoint's deliveries, oldest event first."""
        answer = self.ask("GET", f"/{endpoint['id']}/deliveries?limit=200")
        return sorted(answer.json["items"], key=lambda one: one["event_id"])

    def delivery(self, endpoint: dict[str, Any]) -> dict[str, Any]:
        """The one delivery that the endpoint has."""
        [only] = self.deliveries(endpoint)
        return only

    def pass_time(self, **time: float) -> None:
        """Everything of this workspace was so much earlier."""
        self.database.admin(
            """
            with deliveries as (
                update webhook_deliveries set due_at = due_at - %(time)s,
                    created_at = created_at - %(time)s
                where workspace_id = %(id)s
            )
            update webhook_endpoints set failing_since = failing_since - %(time)s,
                previous_secret_until = previous_secret_until - %(time)s,
                resting_until = resting_until - %(time)s, busy_until = busy_until - %(time)s,
                wake_at = wake_at - %(time)s, tokens_at = tokens_at - %(time)s
            where workspace_id = %(id)s
            """,
            time=timedelta(**time),
            id=self.workspace.id,
        )

    def row(self, endpoint: dict[str, Any]) -> dict[str, Any]:
        """The endpoint as it is stored."""
        [row] = self.database.admin(
            "select * from webhook_endpoints where id = %(id)s::uuid", id=endpoint["id"]
        )
        return row


@pytest.fixture
def hooks(
    call: Call,
    deliver: Deliver,
    as_role: Callable[[str], None],
    database: Database,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
) -> Hooks:
    """Webhooks as on a laptop: receivers on the loopback are let through."""
    made = client("sqs").create_queue(QueueName=f"sends-{uuid4().hex}")
    monkeypatch.setenv("HASTE_QUEUE_WEBHOOK_SENDS", made["QueueUrl"])
    monkeypatch.setenv("HASTE_WEBHOOK_ALLOW", "127.0.0.0/8")
    # Schedules look across workspaces: no other test's endpoint is to be seen.
    database.admin("update webhook_endpoints set enabled = false")
    return Hooks(call, deliver, as_role, database, workspace, made["QueueUrl"])


class _Recorder(psycopg.Cursor[Any]):
    sent: ClassVar[list[str]] = []

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        _Recorder.sent.append(str(query))
        return super().execute(query, params, **options)


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of the database from now on."""
    connect = connection.connect

    def recording(url: str, **options: Any) -> Any:
        return connect(url, **options, cursor_factory=_Recorder)

    monkeypatch.setattr(connection, "connect", recording)
    connection.close()
    _Recorder.sent.clear()
    return _Recorder.sent


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that takes everything, until told otherwise."""
    with receiving() as one:
        yield one
