"""`email-sync`: what changed in a mailbox since its cursor, into the ledger.

One mailbox's messages arrive in order, one at a time. A message is only a hint that something
happened; the cursor says from where to ask. The provider is asked while no transaction is open.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from functions.email import commands, gmail, queries
from functions.email.models import MailboxAccess, MailboxRef, SyncMailbox, fetch_message
from shared.db import resolve, transaction
from shared.encryption import data_key
from shared.log import about, logger
from shared.queues import send
from shared.runtime import OrderedMessages
from shared.settings import setting

ACTOR = "system:email"
_PAUSE = timedelta(seconds=30)


def sync_address(message: SyncMailbox) -> None:
    """Bring every mailbox with this address up to date; it may be in several workspaces.

    Raises:
        ExceptionGroup: some could not be; the others are.
    """
    found = resolve(
        MailboxRef,
        "select workspace_id, mailbox_id, address from app.resolve_mailbox(%(address)s)",
        address=message.address,
    )
    if not found:
        logger.info("no mailbox with this address")
    failures: list[Exception] = []
    for workspace_id, mailbox_id, _ in found:
        about(workspace_id=workspace_id)
        try:
            sync_mailbox(workspace_id, mailbox_id, retry_failed=message.retry_failed)
        except Exception as error:  # one workspace's trouble is not another's
            failures.append(error)
    if failures:
        raise ExceptionGroup("mailboxes were not synchronised", failures)


def sync_mailbox(workspace_id: UUID, mailbox_id: UUID, *, retry_failed: bool = False) -> None:
    """Stage what changed since the cursor, then release what the quota allows.

    Where Gmail wants a pause or does not answer, the mailbox rests and is asked again by `poll`: a
    message that failed would hold up everything behind it in its group for its visibility timeout.
    """
    with transaction(workspace_id, actor=ACTOR) as tx:
        mailbox = queries.get_access(tx, mailbox_id)
    if mailbox is None or mailbox.state != "active" or _resting(mailbox):
        return
    token = data_key(workspace_id).unseal(mailbox.credentials, column="mailboxes.credentials")
    session = gmail.Gmail(setting("GOOGLE_API_URL"), token)
    try:
        _catch_up(workspace_id, mailbox, session)
    except (gmail.Throttled, gmail.Unavailable) as error:
        pause = datetime.now(UTC) + _PAUSE
        until = error.until if isinstance(error, gmail.Throttled) else pause
        logger.warning("Gmail cannot be asked now", metadata={"reason": str(error)[:200]})
        with transaction(workspace_id, actor=ACTOR) as tx:
            commands.rest_mailbox(tx, mailbox_id, until)
        return
    except (gmail.Unauthorized, gmail.Forbidden) as error:
        with transaction(workspace_id, actor=ACTOR) as tx:
            commands.disconnect_mailbox(tx, mailbox, error.reason or type(error).__name__)
        return
    if retry_failed:
        with transaction(workspace_id, actor=ACTOR) as tx:
            commands.retry_failed(tx, mailbox_id)
    release_mails(workspace_id, mailbox_id)


def release_mails(workspace_id: UUID, mailbox_id: UUID) -> None:
    """Put due mails on `email-fetch`. What a crash loses on the way is due again later."""
    again_s = int(setting("MAIL_RELEASE_AGAIN_SECONDS", "900"))
    with transaction(workspace_id, actor=ACTOR) as tx:
        released = commands.release(tx, mailbox_id, again_s=again_s)
    send("email-fetch", [fetch_message(message) for message in released])


def _catch_up(workspace_id: UUID, mailbox: MailboxAccess, session: gmail.Gmail) -> None:
    """Follow the history from the cursor; where there is none, or it expired, list everything."""
    if mailbox.history_cursor is not None:
        try:
            _follow(workspace_id, mailbox, session, mailbox.history_cursor)
        except gmail.HistoryExpired:
            logger.warning("the history cursor expired: listing the mailbox")
        else:
            return
    _list_all(workspace_id, mailbox, session)


def _follow(workspace_id: UUID, mailbox: MailboxAccess, session: gmail.Gmail, cursor: str) -> None:
    pages = [gmail.history(session, cursor)]
    while token := pages[-1].next_page_token:
        pages.append(gmail.history(session, cursor, token))
    # The first page's id: what arrived while we read on is then asked for again, never missed.
    with transaction(workspace_id, actor=ACTOR) as tx:
        commands.apply_changes(tx, mailbox.id, gmail.fold(pages), pages[0].history_id)


def _list_all(workspace_id: UUID, mailbox: MailboxAccess, session: gmail.Gmail) -> None:
    """A complete listing, from a cursor taken before it: a newest message's own id may be too old
    to be one.
    """
    started_at = gmail.profile(session).history_id
    listed: list[str] = []
    token: str | None = None
    while True:
        page = gmail.list_messages(session, page_token=token, include_spam_trash=True)
        ids = [ref.id for ref in page.messages]
        with transaction(workspace_id, actor=ACTOR) as tx:
            commands.stage_listed(tx, mailbox.id, ids)
        listed += ids
        token = page.next_page_token
        if token is None:
            break
    with transaction(workspace_id, actor=ACTOR) as tx:
        commands.finish_listing(tx, mailbox.id, listed, started_at)


def _resting(mailbox: MailboxAccess) -> bool:
    return mailbox.throttled_until is not None and mailbox.throttled_until > datetime.now(UTC)


handler = OrderedMessages(SyncMailbox, sync_address).handler
