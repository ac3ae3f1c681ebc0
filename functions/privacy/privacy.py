"""What requests themselves hold about a person: their address, and exports that were made."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from functions.privacy.objects import key_of
from shared.db import Tx
from shared.privacy import PAGE, Batch, Page, Part, Person, erased_ids, note_erased


def erase(tx: Tx, person: Person, after: str | None) -> Batch:
    """Forget the address in other requests of theirs, end those that are open, and delete exports.
    One that is being made at this moment finds that it is nobody's any more.
    """
    found = tx.all(
        UUID,
        """
        update privacy_requests set address = null, names = '{}', export_key = null, claim = null,
            state = case when finished_at is null then 'failed' else state end,
            reason = case when finished_at is null then 'erased' else reason end,
            finished_at = coalesce(finished_at, now()), updated_at = now(), version = version + 1
        where workspace_id = %(workspace_id)s and id = any(array(
            (select id from privacy_requests
            where workspace_id = %(workspace_id)s and id <> %(request_id)s
                and address = any(%(emails)s)
            union
            select id from privacy_requests
            where workspace_id = %(workspace_id)s and id <> %(request_id)s
                and contact_id = any(%(contacts)s)
                and (address is not null or finished_at is null or names <> '{}')
            union
            select id from privacy_requests
            where workspace_id = %(workspace_id)s and id <> %(request_id)s
                and export_key is not null and contact_ids && %(contacts)s::uuid[])
            limit %(most)s
        ))
        returning id
        """,
        request_id=person.request_id,
        emails=list(person.addresses),
        contacts=list(person.contact_ids),
        most=PAGE,
    )
    note_erased(tx, person, "privacy_requests", found)
    noted = erased_ids(tx, person, "privacy_requests", after, PAGE)
    objects = tuple(key_of(tx.workspace_id, one) for one in noted)
    more = len(found) == PAGE or len(noted) == PAGE
    return Batch({"privacy_requests": len(found)}, str(noted[-1]) if more else None, objects)


def collect(tx: Tx, person: Person, after: str | None) -> Page:
    """What they asked for before."""
    found: list[dict[str, Any]] = tx.all(
        dict,
        """
        select id, kind, state, created_at, finished_at from privacy_requests
        where workspace_id = %(workspace_id)s
            and id = any(array(
                select id from privacy_requests
                where workspace_id = %(workspace_id)s and address = any(%(emails)s)
                union
                select id from privacy_requests
                where workspace_id = %(workspace_id)s and contact_id = any(%(contacts)s)
            ))
        order by id
        """,
        emails=list(person.addresses),
        contacts=list(person.contact_ids),
    )
    return Page(found, None)


PRIVACY = (
    Part(
        "requests",
        tables=("privacy_requests",),
        erase=erase,
        files={"requests.ndjson": collect},
    ),
)
