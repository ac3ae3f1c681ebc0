"""What the AI holds about a person: what it read from their mails, and found of them in others'.

What was read from a mail that is deleted is deleted with it; here are the mails that stay.
"""

from __future__ import annotations

from typing import Any

from shared.db import Tx
from shared.privacy import (
    ERASED,
    PAGE,
    REDACTED_EMAILS,
    Batch,
    Page,
    Part,
    Person,
    erased_ids,
    pattern_of,
)


def erase(tx: Tx, person: Person, after: str | None) -> Batch:
    """Delete what names them, by address or by a name they are called, and what may be theirs
    without naming anybody: phones and titles, of whomever; blot the address out of quotes.
    """
    mails = erased_ids(tx, person, REDACTED_EMAILS, after, PAGE)
    if not mails or not person.addresses:
        return Batch({}, None)
    written = pattern_of(person.addresses)
    gone = tx.run(
        """
        delete from email_entities
        where workspace_id = %(workspace_id)s and email_id = any(%(mails)s) and (
            kind in ('phone', 'job_title')
            or kind = 'person' and lower(value) = any(%(names)s)
            or value ~* %(written)s or quote ~* %(written)s
        )
        """,
        mails=mails,
        names=[name.lower() for name in person.names],
        written=written,
    )
    blotted = tx.run(
        """
        update email_analyses
        set reply_quote = regexp_replace(reply_quote, %(written)s, %(by)s, 'gi')
        where workspace_id = %(workspace_id)s and email_id = any(%(mails)s)
            and reply_quote ~* %(written)s
        """,
        mails=mails,
        written=written,
        by=f"[{ERASED}]",
    )
    done = {"email_entities": gone, "email_analyses": blotted}
    return Batch(done, str(mails[-1]) if len(mails) == PAGE else None)


def collect(tx: Tx, person: Person, after: str | None) -> Page:
    """What was read from mails that they wrote."""
    found: list[dict[str, Any]] = tx.all(
        dict,
        """
        select a.email_id, a.sentiment, a.sentiment_score, a.intent, a.reply_needed, a.reply_quote,
            a.provider, a.model, a.created_at, (
                select coalesce(jsonb_agg(jsonb_build_object(
                    'kind', n.kind, 'value', n.value, 'quote', n.quote) order by n.place), '[]')
                from email_entities n
                where n.workspace_id = a.workspace_id and n.email_id = a.email_id
            ) as entities
        from email_analyses a
        where a.workspace_id = %(workspace_id)s and a.email_id = any(array(
            select e.id from emails e
            where e.workspace_id = %(workspace_id)s and e.sender_email = any(%(emails)s)
                and e.id > coalesce(%(after)s::uuid, '00000000-0000-0000-0000-000000000000')
            order by e.id
        ))
        order by a.email_id limit %(most)s
        """,
        emails=list(person.addresses),
        after=after,
        most=PAGE,
    )
    return Page(found, str(found[-1]["email_id"]) if len(found) == PAGE else None)


PRIVACY = (
    Part(
        "analyses",
        tables=("email_analyses", "email_entities"),
        erase=erase,
        files={"analyses.ndjson": collect},
        after=("emails",),
    ),
)
