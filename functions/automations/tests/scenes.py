"""What the tests of the consumer make and look at."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from events.ai import EmailAnalyzed
from events.email import EmailReceived
from functions.activities.api import handler as tasks_api
from functions.automations.api import handler as automations_api
from functions.contacts.api import handler as contacts_api
from functions.contacts.tests.scenes import make_contact
from shared.ids import uuid7
from shared.testing import Call, Database, Workspace

NEGATIVE = {"field": "sentiment", "op": "eq", "value": "negative"}
TAG = {"type": "tag_contact", "tag": "unhappy"}
TASK = {"type": "create_task", "title": "Answer {sender}", "due_in_days": 2}


def make_rule(call: Call, *actions: dict[str, Any], **fields: Any) -> str:
    body = {"name": "Rule", "event_type": "EmailAnalyzed", "actions": actions, **fields}
    answer = call(automations_api, "POST", "/api/v1/automations", body)
    assert answer.status == 201, answer.json
    return answer.json["id"]


def make_sender(call: Call, **fields: Any) -> dict[str, Any]:
    """The contact whose address the events below name."""
    return make_contact(call, **{"email": "ada@example.com", **fields})


def read_contact(call: Call, contact: dict[str, Any]) -> dict[str, Any]:
    return call(contacts_api, "GET", f"/api/v1/contacts/{contact['id']}").json


def read_tasks(call: Call, **options: Any) -> list[dict[str, Any]]:
    return call(tasks_api, "GET", "/api/v1/tasks", **options).json["items"]


def read_runs(call: Call, automation_id: str) -> list[dict[str, Any]]:
    url = f"/api/v1/automations/{automation_id}/runs"
    return call(automations_api, "GET", url).json["items"]


def mailbox_id_of(workspace: Workspace) -> UUID:
    """The mailbox of the workspace's owner, which every test here has connected."""
    return uuid5(workspace.id, "mailbox")


def connect_mailbox(database: Database, workspace: Workspace, **fields: Any) -> UUID:
    """A mailbox of the workspace's owner that nobody else may read, unless it says otherwise."""
    mailbox_id: UUID = fields.pop("id", mailbox_id_of(workspace))
    database.admin(
        """
        insert into mailboxes (workspace_id, id, user_id, provider, address, sharing, state,
            credentials)
        values (%(w)s, %(id)s, %(user_id)s, 'gmail', %(address)s, %(sharing)s, 'disconnected', '')
        """,
        w=workspace.id,
        id=mailbox_id,
        user_id=workspace.user_id,
        sharing=fields.get("sharing", "metadata"),
        address=f"{mailbox_id}@example.com",
    )
    return mailbox_id


def analyzed(workspace: Workspace, **fields: Any) -> EmailAnalyzed:
    values: dict[str, Any] = {
        "workspace_id": workspace.id,
        "actor": "system:ai",
        "aggregate_id": uuid7(),
        "mailbox_id": mailbox_id_of(workspace),
        "direction": "inbound",
        "kind": "human",
        "sender": "ada@example.com",
        "backfill": False,
        "sentiment": "negative",
        "sentiment_score": -0.8,
        "intent": "complaint",
        "reply_needed": True,
        "entities": 0,
        "provider": "local",
        "model": "rules",
    }
    return EmailAnalyzed(**{**values, **fields})


def received(workspace: Workspace, **fields: Any) -> EmailReceived:
    values: dict[str, Any] = {
        "workspace_id": workspace.id,
        "actor": "system:email",
        "aggregate_id": uuid7(),
        "mailbox_id": uuid7(),
        "thread_id": uuid7(),
        "direction": "inbound",
        "kind": "human",
        "sender": "ada@example.com",
        "received_at": datetime(2026, 3, 1, 9, tzinfo=UTC),
        "backfill": False,
    }
    return EmailReceived(**{**values, **fields})
