"""What mailboxes hold about a person: the mails they wrote or got, and their names in others'.

A mail that they wrote, or that names nobody else but mailboxes of the workspace, is deleted with
all that hangs on it; its row in the ledger stays and says so, or the next synchronisation would
fetch it again. A mail of somebody else's that names them among others stays, without them: their
name where people are listed, their address wherever it is written; and without its bytes, which
cannot be changed. The same bytes name the same people: whichever mails have an object in common
lose it together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from events.email import EmailChanged
from shared.db import Tx
from shared.privacy import (
    ERASED,
    PAGE,
    REDACTED_EMAILS,
    Batch,
    Page,
    Part,
    Person,
    note_erased,
    pattern_of,
)


class _Mail(NamedTuple):
    """A mail that names the person; `theirs`: they wrote it, or it is between them and us."""

    id: UUID
    theirs: bool


class _Touched(NamedTuple):
    id: UUID
    mailbox_id: UUID
    thread_id: UUID
    version: int
    labels: list[str]
    gone: bool
    raw_key: str | None


def erase(tx: Tx, person: Person, after: str | None) -> Batch:
    """Erase some mails: what was erased is no longer found."""
    if not person.addresses:
        return Batch({}, None)
    mails = _naming(tx, person)
    theirs = [mail.id for mail in mails if mail.theirs]
    gone = _delete(tx, theirs) if theirs else []
    kept = [mail.id for mail in mails if not mail.theirs]
    redacted = _redact(tx, person, kept) if kept else []
    note_erased(tx, person, "emails", [one.id for one in gone])
    note_erased(tx, person, REDACTED_EMAILS, [one.id for one in redacted])
    _tell(tx, gone, redacted)
    keys = {one.raw_key for one in (*gone, *redacted) if one.raw_key is not None}
    done = {"emails": len(gone), REDACTED_EMAILS: len(redacted)}
    return Batch(done, "" if len(mails) == PAGE else None, tuple(sorted(keys)))


def _naming(tx: Tx, person: Person) -> list[_Mail]:
    """Some of the mails that name them."""
    return tx.all(
        _Mail,
        """
        with named as materialized (
            (select id from emails
            where workspace_id = %(workspace_id)s and sender_email = any(%(emails)s)
            limit %(most)s)
            union
            (select email_id from email_participants
            where workspace_id = %(workspace_id)s and email = any(%(emails)s)
            limit %(most)s)
            limit %(most)s
        )
        select e.id, e.sender_email = any(%(emails)s) is true or not exists (
            select from email_participants p
            where p.workspace_id = e.workspace_id and p.email_id = e.id
                and not p.email = any(%(emails)s)
                and not exists (
                    select from mailboxes m
                    where m.workspace_id = %(workspace_id)s and m.address = p.email
                )
        ) as theirs
        from emails e
        where e.workspace_id = %(workspace_id)s and e.id = any(array(select id from named))
        for update
        """,
        emails=list(person.addresses),
        most=PAGE,
    )


def _delete(tx: Tx, ids: Sequence[UUID]) -> list[_Touched]:
    """Delete mails with their parts and analyses; the ledger keeps that they are not to be had."""
    gone = tx.all(
        _Touched,
        """
        delete from emails where workspace_id = %(workspace_id)s and id = any(%(ids)s)
        returning id, mailbox_id, thread_id, version + 1 as version, labels, true as gone, raw_key
        """,
        ids=list(ids),
    )
    tx.run(
        """
        update mail_ledger
        set state = 'skipped', reason = 'erased', generation = generation + 1, email_id = null,
            raw_key = null, raw_size = null, settled_at = now()
        where workspace_id = %(workspace_id)s and email_id = any(%(ids)s)
        """,
        ids=list(ids),
    )
    threads = sorted({one.thread_id for one in gone})
    tx.run(
        """
        delete from threads t
        where t.workspace_id = %(workspace_id)s and t.id = any(%(threads)s) and not exists (
            select from emails e where e.workspace_id = t.workspace_id and e.thread_id = t.id
        )
        """,
        threads=threads,
    )
    tx.run(
        """
        update threads t set emails = (
            select count(*) from emails e
            where e.workspace_id = t.workspace_id and e.thread_id = t.id
        )
        where t.workspace_id = %(workspace_id)s and t.id = any(%(threads)s)
        """,
        threads=threads,
    )
    return gone


def _redact(tx: Tx, person: Person, ids: Sequence[UUID]) -> list[_Touched]:
    """Take the person out of mails of others."""
    redacted = tx.all(
        _Touched,
        """
        with was as (
            select id, raw_key from emails
            where workspace_id = %(workspace_id)s and id = any(%(ids)s)
        )
        update emails e set raw_key = null, version = e.version + 1
        from was where e.workspace_id = %(workspace_id)s and e.id = was.id
        returning e.id, e.mailbox_id, e.thread_id, e.version, e.labels,
            e.gone_at is not null as gone, was.raw_key
        """,
        ids=list(ids),
    )
    given = {"ids": list(ids), "written": pattern_of(person.addresses), "by": f"[{ERASED}]"}
    tx.run(
        """
        update mail_ledger set raw_key = null
        where workspace_id = %(workspace_id)s and email_id = any(%(ids)s)
        """,
        ids=list(ids),
    )
    tx.run(
        """
        update email_participants set name = %(nobody)s, email = ''
        where workspace_id = %(workspace_id)s and email_id = any(%(ids)s)
            and email = any(%(emails)s)
        """,
        ids=list(ids),
        nobody=ERASED,
        emails=list(person.addresses),
    )
    tx.run(
        """
        update email_subjects set subject = regexp_replace(subject, %(written)s, %(by)s, 'gi'),
            snippet = regexp_replace(snippet, %(written)s, %(by)s, 'gi')
        where workspace_id = %(workspace_id)s and id = any(%(ids)s)
        """,
        **given,
    )
    tx.run(
        """
        update email_bodies set text = regexp_replace(text, %(written)s, %(by)s, 'gi'),
            html = regexp_replace(html, %(written)s, %(by)s, 'gi'),
            reply = regexp_replace(reply, %(written)s, %(by)s, 'gi'),
            signature = regexp_replace(signature, %(written)s, %(by)s, 'gi')
        where workspace_id = %(workspace_id)s and id = any(%(ids)s)
        """,
        **given,
    )
    return redacted


def _tell(tx: Tx, gone: Sequence[_Touched], redacted: Sequence[_Touched]) -> None:
    for one in (*gone, *redacted):
        labels = () if one.gone else tuple(one.labels)
        envelope = tx.envelope(one.id, one.version)
        tx.emit(EmailChanged(**envelope, mailbox_id=one.mailbox_id, labels=labels, gone=one.gone))


def collect(tx: Tx, person: Person, after: str | None) -> Page:
    """Mails that name them, whole: they wrote them or got them. Whom else a mail was sent to
    blindly is not theirs to know, so such a mail goes without its bytes.
    """
    found: list[dict[str, Any]] = tx.all(
        dict,
        """
        with named as (
            select id from emails
            where workspace_id = %(workspace_id)s and sender_email = any(%(emails)s)
            union
            select email_id from email_participants
            where workspace_id = %(workspace_id)s and email = any(%(emails)s)
        ), page as materialized (
            select id from named
            where id > coalesce(%(after)s::uuid, '00000000-0000-0000-0000-000000000000')
            order by id limit %(most)s
        )
        select e.id, e.direction, e.message_id, e.sender_name, e.sender_email, e.sent_at,
            e.received_at, e.labels, e.attachments, s.subject, b.text, e.raw_key, (
                select coalesce(jsonb_agg(jsonb_build_object(
                    'role', p.role, 'name', p.name, 'email', p.email) order by p.place), '[]')
                from email_participants p
                where p.workspace_id = e.workspace_id and p.email_id = e.id
                    and (p.role <> 'bcc' or p.email = any(%(emails)s))
            ) as participants, exists (
                select from email_participants p
                where p.workspace_id = e.workspace_id and p.email_id = e.id
                    and p.role = 'bcc' and not p.email = any(%(emails)s)
            ) as blind
        from page
        join emails e on e.workspace_id = %(workspace_id)s and e.id = page.id
        left join email_subjects s on s.workspace_id = e.workspace_id and s.id = e.id
        left join email_bodies b on b.workspace_id = e.workspace_id and b.id = e.id
        order by e.id
        """,
        emails=list(person.addresses),
        after=after,
        most=PAGE,
    )
    raw = {f"mails/{one['id']}.eml": one["raw_key"] for one in found if not one["blind"]}
    shown = [{k: v for k, v in one.items() if k not in ("raw_key", "blind")} for one in found]
    last = str(found[-1]["id"]) if len(found) == PAGE else None
    return Page(shown, last, {name: key for name, key in raw.items() if key is not None})


PRIVACY = (
    Part(
        "emails",
        tables=(
            "email_bodies",
            "email_participants",
            "email_subjects",
            "emails",
            "mail_ledger",
            "threads",
        ),
        erase=erase,
        files={"emails.ndjson": collect},
    ),
)
