"""What is sent: the event as the change feed has it, with the fields Standard Webhooks names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from events.envelope import Event
from shared.access import Access
from shared.telling import shown_payload

TEST = "WebhookTest"
"""The type of a test message. It is no event, and in no feed."""
_COMMON = ("position", "id", "at", "actor", "aggregate_id", "aggregate_version")
"""What an item of the feed says beside type and data."""


class Payload(BaseModel):
    """The body of a request to an endpoint.

    `webhook-id` is the event's id, at every attempt and at every endpoint: what came before can be
    ignored. So can an event with a lower `aggregate_version` than one that was seen of the same
    `aggregate_id`, as events may come in any order; `position` is the order in which they happened.
    """

    model_config = ConfigDict(frozen=True)

    type: str
    timestamp: datetime = Field(description="When it happened: the same as `at`.")
    position: int | None = Field(description="Its place in the change feed; a test has none.")
    id: UUID
    at: datetime
    actor: str = Field(description="`user:<id>`, `automation:<id>` or `system:<capability>`.")
    aggregate_id: UUID = Field(description="What the event is about.")
    aggregate_version: int = Field(description="Grows by one with each change of it.")
    data: dict[str, Any] = Field(description="The event, as the schema of its type has it.")


def body_of(event: Event, access: Access) -> str:
    """The body of an event, for an endpoint whose member may do so much: always the same bytes."""
    data = shown_payload(access, event.type_name(), event.model_dump(mode="json"))
    common = {name: data[name] for name in _COMMON}
    return _json({"type": event.type_name(), "timestamp": data["at"], **common, "data": data})


def body_as_seen_with(access: Access, body: str) -> str:
    """A body as it is shown to somebody with this access, who may see less than the endpoint."""
    if not access.hidden:
        return body
    said: dict[str, Any] = json.loads(body)
    return _json(said | {"data": shown_payload(access, said["type"], said["data"])})


def body_without(body: str, redaction: Mapping[str, Any]) -> str:
    """A body with other values for some of the event's fields; the same one where it has none."""
    said: dict[str, Any] = json.loads(body)
    data: dict[str, Any] = said.get("data") or {}
    patch = {name: value for name, value in redaction.items() if name in data}
    return _json(said | {"data": data | patch}) if patch else body


def body_of_test(test_id: UUID, at: datetime, actor: str, endpoint_id: UUID) -> str:
    """The body of a test message."""
    data = {"message": "hasteCRM can reach this endpoint."}
    payload = Payload(
        type=TEST,
        timestamp=at,
        position=None,
        id=test_id,
        at=at,
        actor=actor,
        aggregate_id=endpoint_id,
        aggregate_version=1,
        data=data,
    )
    return _json(payload.model_dump(mode="json"))


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
