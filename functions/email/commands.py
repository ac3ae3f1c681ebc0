"""What happens to mailboxes and mails: the change, its event, the result."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from events.email import (
    EmailChanged,
    EmailReceived,
    MailboxChanged,
    MailboxConnected,
    MailboxDisconnected,
)
from functions.email import queries, store
from functions.email.gmail import Changes, RawMessage
from functions.email.models import (
    ChangedEmail,
    FetchEmail,
    Mailbox,
    MailboxAccess,
    MailboxChange,
    NewMailbox,
    NotYourMailbox,
)
from shared.db import Tx
from shared.errors import PreconditionFailed
from shared.ids import uuid7
from shared.log import logger
from shared.mail import Mail

_UNITS_PER_GET = 20
"""What `messages.get` costs since May 2026.
https://developers.google.com/workspace/gmail/api/reference/quota
"""
_MOST_RELEASES = 6
_MOST_ATTEMPTS = 8
_MOST_ATTEMPTS_IN_AN_OUTAGE = 100
"""A quarter of an hour apart at last: about a day. Outages last hours, not days."""
_GONE_ATTEMPTS = 3
_LATE = timedelta(days=1)
_SETTINGS = {"sharing", "units_per_minute"}
_SNIPPET_LENGTH = 200
_LABELS_LEFT_OUT = {"DRAFT": "draft", "SPAM": "spam", "TRASH": "trash", "CHAT": "chat"}


def connect_mailbox(tx: Tx, new: NewMailbox, mailbox_id: UUID, credentials: bytes) -> Mailbox:
    """Connect a mailbox of the caller's; `credentials` are sealed already.

    Raises:
        AddressTaken: the workspace has it already.
    """
    mailbox = store.insert_mailbox(tx, new, mailbox_id, credentials)
    tx.emit(
        MailboxConnected(
            **tx.envelope(mailbox.id, mailbox.version),
            address=mailbox.address,
            provider="gmail",
            sharing=mailbox.sharing,
        )
    )
    return mailbox


def change_mailbox(
    tx: Tx, mailbox_id: UUID, change: MailboxChange, credentials: bytes | None, version: int | None
) -> Mailbox:
    """Change a mailbox's settings, or give it new credentials, which connects it again; what it
    has is no change.

    Raises:
        MailboxNotFound: there is no such mailbox.
        NotYourMailbox: it is another member's.
        PreconditionFailed: it is no longer at `version`.
    """
    before = owned_mailbox(tx, mailbox_id)
    if version is not None and before.version != version:
        raise PreconditionFailed
    settings = change.model_dump(include=_SETTINGS, exclude_none=True)
    changes = any(getattr(before, name) != value for name, value in settings.items())
    if credentials is None and not changes:
        return before
    after = store.update_mailbox(tx, mailbox_id, change, credentials, version)
    if after is None:
        raise PreconditionFailed
    if before.state == "disconnected" and after.state == "active":
        tx.emit(
            MailboxConnected(
                **tx.envelope(after.id, after.version),
                address=after.address,
                provider="gmail",
                sharing=after.sharing,
            )
        )
    elif changes:
        tx.emit(
            MailboxChanged(
                **tx.envelope(after.id, after.version),
                sharing=after.sharing,
                units_per_minute=after.units_per_minute,
            )
        )
    return after


def owned_mailbox(tx: Tx, mailbox_id: UUID) -> Mailbox:
    """The mailbox, if it is the caller's: how far it is shared is for its owner alone to say.

    Raises:
        MailboxNotFound: there is no such mailbox.
        NotYourMailbox: it is another member's.
    """
    mailbox = queries.get_mailbox(tx, mailbox_id)
    if mailbox.user_id != tx.user_id:
        raise NotYourMailbox
    return mailbox


def disconnect_mailbox(tx: Tx, mailbox: MailboxAccess, reason: str) -> None:
    """The provider refuses us: stop working on the mailbox until a person connects it again.

    Nothing happens if a person has done so since `mailbox` was read.
    """
    done = store.disconnect(tx, mailbox.id, mailbox.credentials, reason)
    if done is not None:
        envelope = tx.envelope(done.id, done.version)
        tx.emit(MailboxDisconnected(**envelope, address=done.address, reason=reason))


def close_mailbox(tx: Tx, mailbox_id: UUID) -> Mailbox:
    """Disconnect a mailbox, and forget the way in; its mails stay. One that is so already stays as
    it is. Its owner may, and whoever may remove members.

    Raises:
        MailboxNotFound: there is no such mailbox.
        NotYourMailbox: it is another member's, and the caller may not remove members.
    """
    mailbox = queries.get_mailbox(tx, mailbox_id)
    if mailbox.user_id != tx.user_id and not tx.access.may("members.settings"):
        raise NotYourMailbox
    reason = "by_a_person"
    done = store.close_mailbox(tx, mailbox_id, reason)
    if done is not None:
        envelope = tx.envelope(done.id, done.version)
        tx.emit(MailboxDisconnected(**envelope, address=done.address, reason=reason))
    return queries.get_mailbox(tx, mailbox_id)


def note_watch(tx: Tx, mailbox_id: UUID, expires_at: datetime) -> None:
    """The provider notifies us of this mailbox until then."""
    store.set_watch(tx, mailbox_id, expires_at)


def apply_changes(tx: Tx, mailbox_id: UUID, changes: Changes, history_id: str) -> None:
    """Stage what is new, follow labels and deletions, and move the cursor: all or nothing.

    So the cursor never passes a mail that is not in the ledger.
    """
    relabelled = [change.message.id for change in changes.relabelled]
    store.stage(tx, mailbox_id, [ref.id for ref in changes.added] + relabelled, listed=False)
    if relabelled:
        store.reopen(tx, mailbox_id, relabelled, in_flight=True)
    for change in changes.relabelled:
        row = store.relabel(
            tx, mailbox_id, change.message.id, sorted(change.added), sorted(change.removed)
        )
        if row is not None:
            _emit_changed(tx, mailbox_id, row)
    _close_deleted(tx, mailbox_id, list(changes.deleted))
    store.advance_cursor(tx, mailbox_id, history_id)


def stage_listed(tx: Tx, mailbox_id: UUID, provider_ids: list[str]) -> None:
    """Stage a page of a listing."""
    store.stage(tx, mailbox_id, provider_ids, listed=True)


def finish_listing(tx: Tx, mailbox_id: UUID, listed: list[str], history_id: str) -> None:
    """End a complete listing: what it lacks was deleted, what was left out or missing and is listed
    is looked at again; notifications go on from `history_id`.
    """
    store.reopen(tx, mailbox_id, listed, in_flight=False)
    for row in store.unmark_gone(tx, mailbox_id, listed):
        _emit_changed(tx, mailbox_id, row)
    _close_deleted(tx, mailbox_id, queries.stored_but_not_in(tx, mailbox_id, listed))
    store.restart_cursor(tx, mailbox_id, history_id)


def retry_failed(tx: Tx, mailbox_id: UUID) -> None:
    """Give mails that were given up another chance."""
    store.reopen_failed(tx, mailbox_id)


def release(tx: Tx, mailbox_id: UUID, *, again_s: int) -> list[FetchEmail]:
    """Release as many due mails as the mailbox's quota allows, new ones before old ones."""
    quota = queries.quota(tx, mailbox_id)
    if quota is None:
        return []
    live = _take(tx, mailbox_id, quota.live, again_s, listed=False)
    live_units = quota.live - len(live) * _UNITS_PER_GET
    backfill = _take(tx, mailbox_id, min(live_units, quota.backfill), again_s, listed=True)
    spent = len(backfill) * _UNITS_PER_GET
    store.spend_units(tx, mailbox_id, live_units - spent, quota.backfill - spent)
    return live + backfill


def store_email(
    tx: Tx,
    mailbox: MailboxAccess,
    wanted: FetchEmail,
    message: RawMessage,
    mail: Mail,
    raw_key: str,
) -> UUID | None:
    """Store a mail that was fetched and parsed; its id.

    None if it was stored before, or has changed at the provider since it was `wanted`: then it is
    released again.
    """
    row = _row(mailbox, wanted, message, mail, raw_key)
    thread_id = store.insert_email(tx, row)
    if thread_id is None:
        return None
    tx.emit(
        EmailReceived(
            **tx.envelope(row["id"]),
            mailbox_id=mailbox.id,
            thread_id=thread_id,
            direction=row["direction"],
            kind=mail.kind,
            sender=row["sender_email"],
            received_at=row["received_at"],
            backfill=row["backfill"],
        )
    )
    return row["id"]


def _row(
    mailbox: MailboxAccess, wanted: FetchEmail, message: RawMessage, mail: Mail, raw_key: str
) -> dict[str, Any]:
    """A mail as `store.insert_email` takes it."""
    received_at = datetime.fromtimestamp(message.internal_date / 1000, tz=UTC)
    sender = mail.sender.email if mail.sender else None
    outbound = "SENT" in message.label_ids or sender == mailbox.address
    beginning = (mail.reply or mail.text)[: 2 * _SNIPPET_LENGTH]
    people = participants(mail)
    return {
        "id": uuid7(),
        "mailbox_id": mailbox.id,
        "provider_id": wanted.provider_id,
        "generation": wanted.generation,
        "provider_thread_id": message.thread_id,
        "message_id": mail.message_id,
        "direction": "outbound" if outbound else "inbound",
        "kind": mail.kind,
        "sender_name": mail.sender.name if mail.sender else None,
        "sender_email": sender,
        "sent_at": mail.date,
        "received_at": received_at,
        "labels": sorted(message.label_ids),
        "attachments": [asdict(attachment) for attachment in mail.attachments],
        "defects": list(mail.defects),
        "size": len(message.raw),
        "raw_key": raw_key,
        # A mail that a listing found may still be new: the notification of it was lost. And one
        # that was notified may be old, if somebody imported it or took it out of spam; but clocks
        # differ, so a mail that came just as the mailbox was connected counts as new.
        "backfill": received_at < mailbox.created_at - (timedelta() if wanted.listed else _LATE),
        "subject": mail.subject,
        "snippet": " ".join(beginning.split())[:_SNIPPET_LENGTH],
        "text": mail.text,
        "html": mail.html,
        "reply": mail.reply,
        "signature": mail.signature,
        "roles": [role for role, _, _ in people],
        "names": [name for _, name, _ in people],
        "emails": [address for _, _, address in people],
    }


def left_out(message: RawMessage) -> str | None:
    """Why a mail is not for the CRM (draft, spam, trash, chat); None if it is."""
    return next(
        (reason for label, reason in _LABELS_LEFT_OUT.items() if label in message.label_ids), None
    )


def skip_email(tx: Tx, wanted: FetchEmail, reason: str) -> None:
    """Close a mail that is not for the CRM, saying why, unless it has changed since."""
    store.settle(
        tx,
        wanted.mailbox_id,
        wanted.provider_id,
        "skipped",
        reason,
        generation=wanted.generation,
    )


def rest_mailbox(tx: Tx, mailbox_id: UUID, until: datetime) -> None:
    """The provider wants a pause before anything else is asked of the mailbox."""
    store.set_throttled(tx, mailbox_id, until)


def wait_for_quota(tx: Tx, mailbox_id: UUID, provider_id: str, until: datetime) -> None:
    """A mail waits for its mailbox's rest to end; that is no attempt."""
    store.wait_until(tx, mailbox_id, provider_id, "throttled", until)


def lose_access(tx: Tx, mailbox: MailboxAccess, provider_id: str, reason: str) -> None:
    """The provider refuses us: the mail waits, uncounted, for the mailbox's next connection."""
    store.wait_until(tx, mailbox.id, provider_id, "disconnected", datetime.now(UTC))
    disconnect_mailbox(tx, mailbox, reason)


def postpone(
    tx: Tx, mailbox_id: UUID, provider_id: str, reason: str, *, outage: bool = False
) -> None:
    """Try a mail again later, with longer and longer waits; fail it after eight tries, or where
    the provider is out of order, which says nothing about the mail, after a day.
    """
    attempt = store.count_attempt(tx, mailbox_id, provider_id, reason, longest_wait_s=900)
    most = _MOST_ATTEMPTS_IN_AN_OUTAGE if outage else _MOST_ATTEMPTS
    if attempt is not None and attempt.number >= most:
        logger.error("mail given up", metadata={"provider_id": provider_id, "reason": reason})
        store.settle(tx, mailbox_id, provider_id, "failed", reason)


def miss_email(tx: Tx, mailbox_id: UUID, provider_id: str) -> None:
    """The provider has no such mail: it was deleted, or its notification was early. Ask three
    times over some seconds, then call it gone; attempts that failed otherwise prove nothing.
    """
    attempt = store.count_attempt(tx, mailbox_id, provider_id, "missing", longest_wait_s=10)
    if attempt and attempt.before == "missing" and attempt.number >= _GONE_ATTEMPTS:
        store.settle(tx, mailbox_id, provider_id, "gone", "missing")


def _take(
    tx: Tx, mailbox_id: UUID, units: float, again_s: int, *, listed: bool
) -> list[FetchEmail]:
    most = int(max(units, 0) // _UNITS_PER_GET)
    if most == 0:
        return []
    return store.take_due(
        tx,
        mailbox_id,
        most=most,
        listed=listed,
        again_s=again_s,
        most_releases=_MOST_RELEASES,
    )


def _close_deleted(tx: Tx, mailbox_id: UUID, provider_ids: list[str]) -> None:
    if provider_ids:
        for row in store.mark_gone(tx, mailbox_id, provider_ids):
            _emit_changed(tx, mailbox_id, row)


def _emit_changed(tx: Tx, mailbox_id: UUID, row: ChangedEmail) -> None:
    tx.emit(
        EmailChanged(
            **tx.envelope(row.id, row.version),
            mailbox_id=mailbox_id,
            labels=tuple(row.labels),
            gone=row.gone,
        )
    )


def participants(mail: Mail) -> list[tuple[str, str, str]]:
    """Everybody a mail names: role, name and address."""
    groups = (
        ("from", (mail.sender,) if mail.sender else ()),
        ("reply_to", mail.reply_to),
        ("to", mail.to),
        ("cc", mail.cc),
        ("bcc", mail.bcc),
    )
    return [(role, person.name, person.email) for role, people in groups for person in people]
