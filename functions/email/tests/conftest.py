"""What the tests of mail share: a mailbox at the emulator, connected, and the queues between.

Tests that use it say `pytest_plugins = ["infra_cdk.local.google.fixtures"]`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import pytest

from functions.email import jobs
from functions.email.api import handler as api
from functions.email.consumers import fetch, sync
from functions.email.models import SyncMailbox
from infra_cdk.local.google import mailbox as mail
from infra_cdk.local.google.mailbox import Mailbox
from infra_cdk.local.google.testing import calm
from shared.aws import client
from shared.testing import Call, Database, LambdaContext, Workspace

if TYPE_CHECKING:
    from infra_cdk.local.google.emulate import Google

TOPIC = "projects/laptop/topics/gmail"
ADDRESS = "ana@acme.example"


@dataclass(frozen=True)
class Queue:
    """A queue of this test's own."""

    url: str

    def take(self) -> list[str]:
        """The bodies of all messages there are, taken off."""
        bodies: list[str] = []
        while True:
            found = client("sqs").receive_message(
                QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=0
            )
            if not found.get("Messages"):
                return bodies
            for message in found["Messages"]:
                bodies.append(message.get("Body", ""))
                client("sqs").delete_message(
                    QueueUrl=self.url, ReceiptHandle=message.get("ReceiptHandle", "")
                )


@dataclass(frozen=True)
class Queues:
    sync: Queue
    fetch: Queue


@pytest.fixture
def queues(aws: None, monkeypatch: pytest.MonkeyPatch) -> Queues:
    """`email-sync` and `email-fetch`, empty."""
    name = uuid4().hex
    to_sync = client("sqs").create_queue(
        QueueName=f"sync-{name}.fifo", Attributes={"FifoQueue": "true"}
    )
    to_fetch = client("sqs").create_queue(QueueName=f"fetch-{name}")
    monkeypatch.setenv("HASTE_QUEUE_EMAIL_SYNC", to_sync["QueueUrl"])
    monkeypatch.setenv("HASTE_QUEUE_EMAIL_FETCH", to_fetch["QueueUrl"])
    return Queues(Queue(to_sync["QueueUrl"]), Queue(to_fetch["QueueUrl"]))


@pytest.fixture
def box(
    google: Google, queues: Queues, database: Database, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Mailbox]:
    """Ana's mailbox as the world sees it, empty; nobody has connected it."""
    monkeypatch.setenv("HASTE_GOOGLE_API_URL", google.url)
    monkeypatch.setenv("HASTE_GMAIL_TOPIC", TOPIC)
    fetch._known.clear()  # pyright: ignore[reportPrivateUsage] -- a cold start
    # Schedules look across workspaces: no other test's mailbox is to be seen.
    database.admin("update mailboxes set deleted_at = now() where deleted_at is null")
    with Mailbox(google.url, ADDRESS) as box:
        yield box
        calm(google)
        for message_id in mail.list_ids(box):
            mail.delete(box, message_id)


@dataclass(frozen=True)
class Team:
    """Two members of a workspace."""

    owner: Workspace
    other: Workspace


@pytest.fixture
def team(workspace: Workspace, new_workspace: Callable[[], Workspace], database: Database) -> Team:
    """The workspace's owner, and a second member of it."""
    other = new_workspace()
    database.admin(
        """
        insert into memberships (workspace_id, user_id, role)
        values (%(workspace)s, %(user)s, 'admin')
        """,
        workspace=workspace.id,
        user=other.user_id,
    )
    return Team(workspace, Workspace(workspace.id, other.user_id))


Connect = Callable[..., dict[str, Any]]


@pytest.fixture
def connect(call: Call, box: Mailbox, google: Google, queues: Queues) -> Connect:
    """Connects Ana's mailbox; the answer. Other fields and another workspace may be named."""

    def connected(**options: Any) -> dict[str, Any]:
        workspace = options.pop("workspace", None)
        body = {"address": ADDRESS, "access_token": google.token(ADDRESS), **options}
        within = {"workspace": workspace} if workspace else {}
        answer = call(api, "POST", "/api/v1/mailboxes", body, **within)
        assert answer.status == 201, answer.json
        queues.sync.take()
        return answer.json

    return connected


@dataclass(frozen=True)
class Mailroom:
    """Works as the pollers and the scheduler do, by hand."""

    deliver: Callable[..., list[str]]
    as_role: Callable[[str], None]
    queues: Queues
    database: Database

    def sync(self, address: str = ADDRESS) -> list[str]:
        """A notification; the ids of messages that failed."""
        return self.deliver(sync.handler, SyncMailbox(address=address))

    def fetch(self, *, times: int = 1) -> list[str]:
        """Work off `email-fetch`, delivering each message so many times."""
        failed: list[str] = []
        bodies = self.queues.fetch.take()
        for start in range(0, len(bodies), 10):
            for _ in range(times):
                failed += self.deliver(fetch.handler, *bodies[start : start + 10])
        return failed

    def run(self, job: str) -> None:
        """A schedule's turn."""
        self.as_role("crm_worker")
        jobs.handler({"detail": {"job": job}}, cast("Any", LambdaContext()))

    def settle(self) -> None:
        """Sync, then release and fetch until the ledger has nothing open."""
        assert self.sync() == []
        for _ in range(50):
            assert self.fetch() == []
            if not self.database.admin(
                """
                select 1 from mail_ledger l join mailboxes m
                    on m.workspace_id = l.workspace_id and m.id = l.mailbox_id
                where m.deleted_at is null and l.state in ('pending', 'queued', 'retrying')
                """
            ):
                return
            self.hurry()
            self.run("release")
        raise AssertionError("the ledger does not come to rest")

    def hurry(self) -> None:
        """Let the time pass that mails and mailboxes wait for."""
        self.database.admin(
            """
            update mail_ledger set due_at = now() - interval '1 second'
            where state in ('pending', 'queued', 'retrying')
            """
        )
        self.database.admin("update mailboxes set units_at = 'epoch', throttled_until = null")
        fetch._known.clear()  # pyright: ignore[reportPrivateUsage] -- 30 s go by

    def ledger(self, mailbox: dict[str, Any] | str) -> dict[str, dict[str, Any]]:
        """The ledger of a mailbox by the provider's ids."""
        mailbox_id = mailbox if isinstance(mailbox, str) else mailbox["id"]
        rows = self.database.admin(
            "select * from mail_ledger where mailbox_id = %(id)s::uuid", id=mailbox_id
        )
        return {row["provider_id"]: row for row in rows}

    def states(self, mailbox: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
        """State and reason by the provider's ids."""
        return {key: (row["state"], row["reason"]) for key, row in self.ledger(mailbox).items()}

    def cursor(self, mailbox: dict[str, Any]) -> int | None:
        rows = self.database.admin(
            "select history_cursor from mailboxes where id = %(id)s::uuid", id=mailbox["id"]
        )
        return None if rows[0]["history_cursor"] is None else int(rows[0]["history_cursor"])


@pytest.fixture
def mailroom(
    deliver: Callable[..., list[str]],
    as_role: Callable[[str], None],
    queues: Queues,
    database: Database,
    box: Mailbox,
) -> Mailroom:
    return Mailroom(deliver, as_role, queues, database)


@pytest.fixture
def emails(call: Call) -> Callable[..., list[dict[str, Any]]]:
    """The whole mails of the list, newest first, as somebody sees them."""

    def read(seen_by: Workspace | None = None, query: str = "?limit=200") -> list[dict[str, Any]]:
        within = {"workspace": seen_by} if seen_by else {}
        listed = call(api, "GET", f"/api/v1/emails{query}", **within).json["items"]
        found = [call(api, "GET", f"/api/v1/emails/{one['id']}", **within) for one in listed]
        return [answer.json for answer in found]

    return read


def lines(output: str) -> list[dict[str, Any]]:
    """What was logged, line by line."""
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]
