"""What deliveries hold about a person: the bodies of events about them, and receivers' answers."""

from __future__ import annotations

import json
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

from events.catalogue import all_events
from functions.webhooks.payloads import body_without
from shared.db import Tx
from shared.privacy import Batch, Page, Part, Person, erased_among, redaction_of

_PAGE = 1000
_FIRST = "00000000-0000-0000-0000-000000000000"


class _Delivery(NamedTuple):
    id: UUID
    event_type: str
    body: str
    state: str
    settled_at: Any
    url: str


def erase(tx: Tx, person: Person, after: str | None) -> Batch:
    """Take the person out of bodies of events about what was erased. What has still to be sent is
    sent like that.
    """
    found = _page(tx, after)
    about = {one.id: _about(one) for one in found}
    erased = erased_among(tx, [one for one in about.values() if one is not None])
    known, told = all_events(), [one for one in found if about[one.id] in erased]
    bodies = {
        one.id: body_without(one.body, redaction_of(known[one.event_type]))
        for one in told
        if one.event_type in known
    }
    changed = [one.id for one in told if bodies.get(one.id, one.body) != one.body]
    tx.run(
        """
        update webhook_deliveries d set body = n.body, log = coalesce((
            select jsonb_agg(attempt || '{"response": ""}' order by place)
            from jsonb_array_elements(d.log) with ordinality as l (attempt, place)), '[]')
        from unnest(%(ids)s::uuid[], %(bodies)s::text[]) as n (id, body)
        where d.workspace_id = %(workspace_id)s and d.id = n.id
        """,
        ids=changed,
        bodies=[bodies[one] for one in changed],
    )
    last = str(found[-1].id) if len(found) == _PAGE else None
    return Batch({"webhook_deliveries": len(changed)}, last)


def collect(tx: Tx, person: Person, after: str | None) -> Page:
    """Whom their data was sent to, and when: the receiver by its host."""
    found = _page(tx, after)
    records = [
        {"receiver": urlsplit(one.url).hostname, "event": one.event_type, "at": one.settled_at}
        for one in found
        if one.state == "delivered" and _is_about(one, person)
    ]
    return Page(records, str(found[-1].id) if len(found) == _PAGE else None)


def _is_about(one: _Delivery, person: Person) -> bool:
    data: dict[str, Any] = json.loads(one.body).get("data", {})
    contacts = {str(contact_id) for contact_id in person.contact_ids}
    return (
        str(data.get("aggregate_id")) in contacts
        or str(data.get("contact_id")) in contacts
        or data.get("sender") in person.addresses
    )


def _about(one: _Delivery) -> UUID | None:
    try:
        return UUID(json.loads(one.body)["aggregate_id"])
    except (ValueError, KeyError, TypeError):  # written by an older release, in another shape
        return None


def _page(tx: Tx, after: str | None) -> list[_Delivery]:
    """Deliveries of the last 30 days, as long as they are kept, oldest first."""
    return tx.all(
        _Delivery,
        """
        select d.id, d.event_type, d.body, d.state, d.settled_at, e.url
        from webhook_deliveries d
        join webhook_endpoints e on e.workspace_id = d.workspace_id and e.id = d.endpoint_id
        where d.workspace_id = %(workspace_id)s and d.id > %(after)s::uuid
        order by d.id limit %(most)s
        """,
        after=after or _FIRST,
        most=_PAGE,
    )


PRIVACY = (
    Part(
        "deliveries",
        tables=("webhook_deliveries",),
        erase=erase,
        files={"disclosures.ndjson": collect},
        after=("contacts", "emails", "tasks"),
    ),
)
