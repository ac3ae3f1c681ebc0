"""Mailboxes: connecting one, its settings, its books.

These talk to Google and to KMS, so their transactions begin after the calls. What Google is asked
before is harmless to ask again; what it is asked after the commit, a schedule repeats.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from uuid import UUID

from fastapi import BackgroundTasks, Response

from functions.email import commands, gmail, queries
from functions.email.models import (
    AccessRefused,
    AnotherMailbox,
    LedgerCount,
    Mailbox,
    MailboxChange,
    MailboxNotFound,
    NewMailbox,
    NotConnected,
    ProviderUnavailable,
    Reconciliation,
    SyncMailbox,
    sync_message,
)
from shared.auth import Caller
from shared.encryption import data_key
from shared.errors import FieldError, TooManyRequests
from shared.http import (
    DEFAULT_LIMIT,
    CurrentCaller,
    CursorParam,
    IfMatch,
    LateTransaction,
    Limit,
    Page,
    RequestName,
    Transaction,
    create_router,
    decode_cursor,
    expected_version,
    needs,
    page,
    set_etag,
    transaction_of,
)
from shared.ids import uuid7
from shared.log import logger
from shared.mail import normalize_email
from shared.queues import send
from shared.settings import setting

routes = create_router()

_COLUMN = "mailboxes.credentials"
_IDS_SHOWN = 100


@routes.post("/api/v1/mailboxes", status_code=201, openapi_extra=needs("mailboxes.write"))
async def connect_mailbox(
    new: NewMailbox,
    caller: CurrentCaller,
    begin: LateTransaction,
    background: BackgroundTasks,
    response: Response,
) -> Mailbox:
    """Connect a Gmail mailbox: its mails are synchronised from now on, old ones in the background.

    Google is asked for notifications before we look at what is there, so nothing falls between.
    """
    token = new.access_token.get_secret_value()
    session = _session(token, new.address)
    sealed = data_key(caller.workspace_id).seal(token, column=_COLUMN)
    mailbox = commands.connect_mailbox(begin(), new, uuid7(), sealed)
    background.add_task(_start, caller, mailbox, session)
    response.headers["Location"] = f"/api/v1/mailboxes/{mailbox.id}"
    set_etag(response, mailbox.version)
    return mailbox


@routes.get("/api/v1/mailboxes", openapi_extra=needs("mailboxes.read"))
async def list_mailboxes(
    tx: Transaction, limit: Limit = DEFAULT_LIMIT, cursor: CursorParam = None
) -> Page[Mailbox]:
    """The connected mailboxes, newest first: how far each is and why it rests."""
    found = queries.list_mailboxes(tx, limit=limit + 1, after=decode_cursor(cursor))
    return page(found, limit, key=lambda mailbox: (mailbox.created_at, mailbox.id))


@routes.get("/api/v1/mailboxes/{mailbox_id}", openapi_extra=needs("mailboxes.read"))
async def get_mailbox(mailbox_id: UUID, tx: Transaction, response: Response) -> Mailbox:
    """One mailbox, with its version as `ETag`."""
    mailbox = queries.get_mailbox(tx, mailbox_id)
    set_etag(response, mailbox.version)
    return mailbox


@routes.patch("/api/v1/mailboxes/{mailbox_id}", openapi_extra=needs("mailboxes.write"))
async def change_mailbox(
    mailbox_id: UUID,
    change: MailboxChange,
    caller: CurrentCaller,
    begin: LateTransaction,
    background: BackgroundTasks,
    response: Response,
    if_match: IfMatch = None,
) -> Mailbox:
    """Change settings, or give a new access token, which connects the mailbox again."""
    version = expected_version(if_match)
    with transaction_of(caller) as tx:
        before = commands.owned_mailbox(tx, mailbox_id)
    sealed, session = None, None
    if change.access_token is not None:
        token = change.access_token.get_secret_value()
        session = _session(token, before.address)
        sealed = data_key(caller.workspace_id).seal(token, column=_COLUMN)
    mailbox = commands.change_mailbox(begin(), mailbox_id, change, sealed, version)
    if session is not None:
        background.add_task(_start, caller, mailbox, session)
    set_etag(response, mailbox.version)
    return mailbox


@routes.post("/api/v1/mailboxes/{mailbox_id}/disconnect", openapi_extra=needs("mailboxes.write"))
async def disconnect_mailbox(mailbox_id: UUID, tx: Transaction, response: Response) -> Mailbox:
    """Reads the mailbox no more and forgets the way in; its mails stay. Its owner may do so, and
    whoever has `members.settings`. Its owner connects it again by a new access token.
    """
    mailbox = commands.close_mailbox(tx, mailbox_id)
    set_etag(response, mailbox.version)
    return mailbox


@routes.post(
    "/api/v1/mailboxes/{mailbox_id}/sync", status_code=202, openapi_extra=needs("mailboxes.write")
)
async def sync_mailbox(
    mailbox_id: UUID,
    caller: CurrentCaller,
    _begin: LateTransaction,
    request_name: RequestName,
) -> None:
    """Look for new mail now, whatever Google has told us, and try again what was given up."""
    with transaction_of(caller) as tx:
        mailbox = queries.get_mailbox(tx, mailbox_id)
    if mailbox.state != "active":
        raise NotConnected
    _ask_for_sync(mailbox.address, request_name, retry_failed=True)


@routes.get("/api/v1/mailboxes/{mailbox_id}/reconciliation", openapi_extra=needs("mailboxes.read"))
async def reconcile(mailbox_id: UUID, caller: CurrentCaller) -> Reconciliation:
    """Every mail id Google lists now, against the ledger."""
    with transaction_of(caller) as tx:
        mailbox = queries.get_access(tx, mailbox_id)
    if mailbox is None:
        raise MailboxNotFound
    if mailbox.state != "active":
        raise NotConnected
    token = data_key(caller.workspace_id).unseal(mailbox.credentials, column=_COLUMN)
    with _google_errors():
        listed = _list_ids(gmail.Gmail(setting("GOOGLE_API_URL"), token))
    with transaction_of(caller) as tx:
        missing = queries.not_in_ledger(tx, mailbox_id, listed)
        rows = queries.ledger_states(tx, mailbox_id)
    return _books(mailbox_id, listed, missing, rows)


def _books(
    mailbox_id: UUID,
    listed: list[str],
    missing: list[str],
    rows: list[LedgerCount],
) -> Reconciliation:
    states: dict[str, int] = {}
    reasons: dict[str, int] = {}
    for state, reason, count in rows:
        states[state] = states.get(state, 0) + count
        if reason is not None:
            reasons[reason] = reasons.get(reason, 0) + count
    return Reconciliation(
        mailbox_id=mailbox_id,
        listed=len(listed),
        ledger=sum(states.values()),
        states=states,
        reasons=reasons,
        unaccounted=len(missing),
        unaccounted_ids=tuple(missing[:_IDS_SHOWN]),
        open=sum(states.get(state, 0) for state in ("pending", "queued", "retrying")),
    )


def _list_ids(session: gmail.Gmail) -> list[str]:
    listed: list[str] = []
    token: str | None = None
    while True:
        found = gmail.list_messages(session, page_token=token, include_spam_trash=True)
        listed += [ref.id for ref in found.messages]
        token = found.next_page_token
        if token is None:
            return listed


def _session(token: str, address: str) -> gmail.Gmail:
    """A session whose token was seen to work for this very mailbox."""
    session = gmail.Gmail(setting("GOOGLE_API_URL"), token)
    with _google_errors():
        owner = gmail.profile(session).email_address
    if normalize_email(owner) != address:
        raise AnotherMailbox(
            errors=(FieldError("/address", f"the token is for {owner}", "another_mailbox"),)
        )
    return session


async def _start(caller: Caller, mailbox: Mailbox, session: gmail.Gmail) -> None:
    """Ask for notifications and for a first look, once the answer is committed.

    The mailbox is connected already, so no failure here is the caller's: schedules repeat both.
    """
    try:
        watched = gmail.watch(session, setting("GMAIL_TOPIC"))
    except gmail.GmailError:
        logger.exception("no notifications yet", metadata={"mailbox_id": str(mailbox.id)})
    else:
        with transaction_of(caller) as tx:
            commands.note_watch(tx, mailbox.id, watched.expiration)
    try:
        _ask_for_sync(mailbox.address, uuid7().hex)
    except Exception:
        logger.exception("no first look yet", metadata={"mailbox_id": str(mailbox.id)})


def _ask_for_sync(address: str, name: str, *, retry_failed: bool = False) -> None:
    message = SyncMailbox(address=address, retry_failed=retry_failed)
    send("email-sync", [sync_message(message, f"asked:{name}")])


@contextmanager
def _google_errors() -> Generator[None]:
    """What Google answers, as the caller's error."""
    try:
        yield
    except (gmail.Unauthorized, gmail.Forbidden) as error:
        raise AccessRefused(
            errors=(FieldError("/access_token", str(error)[:200], "access_refused"),)
        ) from error
    except gmail.Throttled as error:
        raise TooManyRequests("Google wants us to wait; try again later.") from error
    except gmail.GmailError as error:
        raise ProviderUnavailable from error
