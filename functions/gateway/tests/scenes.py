"""What tests of the feed make: events of every kind, and pages of the feed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import events
from events.catalogue import all_events
from events.envelope import Event
from functions.gateway.api.callers import handler
from shared import db, outbox
from shared.ids import uuid7
from shared.testing import Answer, Call, Workspace

URL = "/api/v1/events"


def sample(kind: str, workspace: Workspace, **fields: Any) -> Event:
    """An event of the catalogue, new and of this workspace."""
    event = all_events()[kind]
    file = Path(events.__path__[0]) / "samples" / f"{kind}.v{event.version}.json"
    golden = json.loads(file.read_text())
    named = {"id": uuid7(), "workspace_id": workspace.id, "position": None}
    return event.model_validate({**golden, **named, **fields})


def emit(workspace: Workspace, *emitted: Event) -> list[str]:
    """Commit events in one transaction, in the role we are; their ids."""
    with db.transaction(workspace.id, user_id=workspace.user_id) as tx:
        for event in emitted:
            tx.emit(event)
    outbox.drop()  # what is published and when is not the feed's matter
    return [str(event.id) for event in emitted]


def ask(call: Call, query: str = "", **options: Any) -> Answer:
    return call(handler, "GET", f"{URL}{query}", **options)


def page(call: Call, after: str = "", query: str = "", **options: Any) -> dict[str, Any]:
    """A page of the feed, after a cursor where there is one."""
    start = f"&after={after}" if after else ""
    answer = ask(call, f"?{query}{start}", **options)
    assert answer.status == 200, answer.json
    return answer.json


def follow(call: Call, after: str = "", query: str = "limit=200", **options: Any) -> list[Any]:
    """Every event there is after a cursor."""
    items: list[Any] = []
    more = True
    while more:
        found = page(call, after, query, **options)
        items += found["items"]
        after, more = found["next_cursor"], found["has_more"]
    return items
