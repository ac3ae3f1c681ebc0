"""What the whole API's own records hold about a person: the feed, the audit log, what can be
undone, and answers that are kept for being asked again.

All of them go by the ids of what the other parts erased. Nothing of a log is deleted: positions
stay without a hole, and it remains that something was changed, when, and by whom.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple
from uuid import UUID

from events.catalogue import all_events
from shared.db import Tx
from shared.encryption import Undecryptable
from shared.privacy import PAGE, Batch, Page, Part, Person, erased_among, erased_ids, redaction_of

_AFTER_RECORDS = ("contacts", "emails", "tasks")
_AUDITED = ("contacts", "tasks")
_WINDOW = 5000
"""Positions of the feed that one batch looks at."""
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class _Told(NamedTuple):
    id: UUID
    type: str
    about: UUID


class _Answer(NamedTuple):
    request: bytes
    response: bytes


def erase_events(tx: Tx, person: Person, after: str | None) -> Batch:
    """Take the person out of events about what was erased, a stretch of the feed at a time."""
    redactions = {name: redaction_of(kind) for name, kind in all_events().items() if kind.personal}
    start = int(after or 0)
    told = tx.all(
        _Told,
        """
        select id, type, (payload ->> 'aggregate_id')::uuid as about from event_log
        where workspace_id = %(workspace_id)s
            and position > %(start)s and position <= %(stop)s and type = any(%(types)s)
        """,
        start=start,
        stop=start + _WINDOW,
        types=list(redactions),
    )
    erased = erased_among(tx, [one.about for one in told])
    theirs = [one for one in told if one.about in erased]
    touched = tx.run(
        """
        update event_log e set payload = e.payload || n.redaction
        from unnest(%(ids)s::uuid[], %(redactions)s::jsonb[]) as n (id, redaction)
        where e.workspace_id = %(workspace_id)s and e.id = n.id and not e.payload @> n.redaction
        """,
        ids=[one.id for one in theirs],
        redactions=[json.dumps(redactions[one.type]) for one in theirs],
    )
    head = tx.one(int, "select position from feed where workspace_id = %(workspace_id)s") or 0
    more = head > start + _WINDOW
    return Batch({"event_log": touched}, str(start + _WINDOW) if more else None)


def erase_history(tx: Tx, person: Person, after: str | None) -> Batch:
    """Take out of the audit log what it tells of what was erased."""
    kind, _, last = (after or _AUDITED[0]).partition(" ")
    ids = erased_ids(tx, person, kind, last or None, PAGE)
    touched = tx.one(
        int, "select sum(app.redact_audit(id))::int from unnest(%(ids)s::uuid[]) as id", ids=ids
    )
    place = _AUDITED.index(kind)
    following = _AUDITED[place + 1] if place + 1 < len(_AUDITED) else None
    return Batch(
        {"audit_log": touched or 0}, f"{kind} {ids[-1]}" if len(ids) == PAGE else following
    )


def collect_history(tx: Tx, person: Person, after: str | None) -> Page:
    """What was changed of the contact, and when."""
    found: list[dict[str, Any]] = tx.all(
        dict,
        """
        select id, at, action, before, after from audit_log
        where workspace_id = %(workspace_id)s and object_id = any(%(ids)s)
            and id > coalesce(%(after)s::uuid, '00000000-0000-0000-0000-000000000000')
        order by id limit %(most)s
        """,
        ids=list(person.contact_ids),
        after=after,
        most=PAGE,
    )
    return Page(found, str(found[-1]["id"]) if len(found) == PAGE else None)


def erase_images(tx: Tx, person: Person, after: str | None) -> Batch:
    """Forget what erased records were before operations: these can no longer be undone."""
    touched = tx.run(
        """
        update operation_changes c set before = '{"erased": true}'
        from privacy_erased x
        where x.workspace_id = %(workspace_id)s and x.request_id = %(request_id)s
            and x.object = any(%(things)s)
            and c.workspace_id = %(workspace_id)s and c.record_id = x.record_id
            and c.before is distinct from '{"erased": true}'
        """,
        request_id=person.request_id,
        things=list(_AUDITED),
    )
    return Batch({"operation_changes": touched}, None)


def erase_answers(tx: Tx, person: Person, after: str | None) -> Batch:
    """Forget answers that hold the person's address, or anything that was erased. Whoever sends
    such a request again within its day has it done again.
    """
    found = tx.all(
        _Answer,
        """
        select request, response from idempotency_keys
        where workspace_id = %(workspace_id)s and request > %(after)s
        order by request limit %(most)s
        """,
        after=bytes.fromhex(after or ""),
        most=PAGE,
    )
    said = {one.request: _said(person, one) for one in found}
    named = {UUID(one) for text in said.values() for one in _UUID.findall(text)}
    erased = {str(one) for one in erased_among(tx, sorted(named))}
    theirs = [
        request
        for request, text in said.items()
        if any(address in text for address in person.addresses)
        or not erased.isdisjoint(_UUID.findall(text))
    ]
    gone = tx.run(
        """
        delete from idempotency_keys
        where workspace_id = %(workspace_id)s and request = any(%(requests)s)
        """,
        requests=theirs,
    )
    last = found[-1].request.hex() if len(found) == PAGE else None
    return Batch({"idempotency_keys": gone}, last)


def _said(person: Person, one: _Answer) -> str:
    """What was answered. `shared.http.idempotency` seals it, with the request in the column."""
    try:
        column = f"idempotency_keys.response/{one.request.hex()}"
        return person.key.unseal(one.response, column=column).lower()
    except Undecryptable:
        return ""  # nobody is ever answered by it


PRIVACY = (
    Part("events", tables=("event_log",), erase=erase_events, after=_AFTER_RECORDS),
    Part(
        "history",
        tables=("audit_log",),
        erase=erase_history,
        files={"history.ndjson": collect_history},
        after=_AFTER_RECORDS,
    ),
    Part("operations", tables=("operation_changes",), erase=erase_images, after=_AFTER_RECORDS),
    Part("answers", tables=("idempotency_keys",), erase=erase_answers, after=_AFTER_RECORDS),
)
