"""What happens to mailboxes by the clock: releasing due mails, asking quiet mailboxes, renewing
watches.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from functions.email import commands, gmail, queries
from functions.email.models import MailboxRef, SyncMailbox, fetch_message, sync_message
from shared.db import resolve, transaction
from shared.encryption import data_key
from shared.log import about, logger
from shared.queues import send
from shared.runtime import job_handler
from shared.settings import setting

_MOST = 500
_RENEW_BEFORE = timedelta(days=5)
"""A watch lives seven days. https://developers.google.com/workspace/gmail/api/guides/push"""


def release() -> None:
    """Release due mails of every mailbox that has some."""
    again_s = int(setting("MAIL_RELEASE_AGAIN_SECONDS", "900"))
    due = resolve(
        MailboxRef,
        "select workspace_id, mailbox_id, address from app.resolve_due_mailboxes(%(most)s)",
        most=_MOST,
    )
    _each(due, lambda workspace_id, mailbox_id: _release(workspace_id, mailbox_id, again_s))


def poll() -> None:
    """Ask mailboxes that have been quiet: Google drops notifications now and then."""
    quiet_s = int(setting("MAIL_QUIET_SECONDS", "900"))
    since = datetime.now(UTC) - timedelta(seconds=quiet_s)
    quiet = resolve(
        MailboxRef,
        """
        select workspace_id, mailbox_id, address
        from app.resolve_quiet_mailboxes(%(since)s, %(most)s)
        """,
        since=since,
        most=_MOST,
    )
    reason = f"poll:{time.time_ns()}"
    send(
        "email-sync",
        [sync_message(SyncMailbox(address=address), reason) for _, _, address in quiet],
    )


def watch() -> None:
    """Renew the watches that end soon; one that fails is tried again at the next turn."""
    before = datetime.now(UTC) + _RENEW_BEFORE
    expiring = resolve(
        MailboxRef,
        """
        select workspace_id, mailbox_id, address
        from app.resolve_expiring_watches(%(before)s, %(most)s)
        """,
        before=before,
        most=_MOST,
    )
    _each(expiring, _renew)


def _each(mailboxes: list[MailboxRef], work: Callable[[UUID, UUID], None]) -> None:
    """Work on each mailbox; one that fails is left for the next turn and holds up no other."""
    for workspace_id, mailbox_id, _ in mailboxes:
        about(workspace_id=workspace_id)
        try:
            work(workspace_id, mailbox_id)
        except Exception:
            logger.exception("job failed", metadata={"mailbox_id": str(mailbox_id)})


def _release(workspace_id: UUID, mailbox_id: UUID, again_s: int) -> None:
    with transaction(workspace_id, actor="system:email") as tx:
        released = commands.release(tx, mailbox_id, again_s=again_s)
    send("email-fetch", [fetch_message(message) for message in released])


def _renew(workspace_id: UUID, mailbox_id: UUID) -> None:
    with transaction(workspace_id, actor="system:email") as tx:
        mailbox = queries.get_access(tx, mailbox_id)
    if mailbox is None:
        return
    token = data_key(workspace_id).unseal(mailbox.credentials, column="mailboxes.credentials")
    session = gmail.Gmail(setting("GOOGLE_API_URL"), token)
    try:
        watched = gmail.watch(session, setting("GMAIL_TOPIC"))
    except gmail.Unauthorized as error:
        # Forbidden may be about our topic, not about the mailbox: https://developers.google.com/
        # workspace/gmail/api/guides/push#grant_publish_rights_on_your_topic
        with transaction(workspace_id, actor="system:email") as tx:
            commands.disconnect_mailbox(tx, mailbox, error.reason or "unauthorized")
        return
    with transaction(workspace_id, actor="system:email") as tx:
        commands.note_watch(tx, mailbox_id, watched.expiration)


_JOBS: dict[str, Callable[[], Any]] = {"release": release, "poll": poll, "watch": watch}
handler = job_handler(_JOBS)
