"""What the audit log is told of events: those that no audited table tells of.

Changes of tables need nothing here: triggers write those (`app.audit`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, LiteralString

from events.envelope import Event
from shared.origin import current

TELL_AUDIT: LiteralString = """
    insert into audit_log (workspace_id, id, at, actor, action, object_type, object_id, after,
        source_ip, user_agent, request_id, position)
    select %(workspace_id)s, app.uuid7(), clock_timestamp(), e.actor, e.action, e.object_type,
        e.object_id, e.said::jsonb, %(source_ip)s, %(user_agent)s, %(request_id)s, e.position
    from unnest(%(actors)s::text[], %(actions)s::text[], %(object_types)s::text[],
        %(object_ids)s::uuid[], %(said)s::text[], %(positions)s::bigint[])
        as e (actor, action, object_type, object_id, said, position)
    order by e.position
"""


def told_of(events: Iterable[Event]) -> dict[str, Any] | None:
    """What `TELL_AUDIT` takes, for those of the events that it is for; None if there are none.

    A row has its event's position in the feed, and what the event says besides its envelope.
    """
    told = [event for event in events if event.audited]
    if not told:
        return None
    origin = current()
    envelope = set(Event.model_fields)
    return {
        "source_ip": origin.source_ip,
        "user_agent": origin.user_agent,
        "request_id": origin.request_id,
        "actors": [event.actor for event in told],
        "actions": [event.type_name() for event in told],
        "object_types": [event.topic for event in told],
        "object_ids": [event.aggregate_id for event in told],
        "said": [json.dumps(event.model_dump(mode="json", exclude=envelope)) for event in told],
        "positions": [event.position for event in told],
    }
