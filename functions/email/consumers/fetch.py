"""`email-fetch`: get one mail, keep its bytes, parse it, store it.

Every mail ends in exactly one state of the ledger, and no mail holds up another: what must wait is
acknowledged here and released again when it is due.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from functions.email import commands, gmail, queries
from functions.email.models import FetchEmail, MailboxAccess
from shared.aws import client
from shared.db import transaction
from shared.encryption import data_key
from shared.log import about, logger
from shared.mail import parse
from shared.runtime import Discard, Messages
from shared.settings import setting

ACTOR = "system:email"
_ACCESS_LIFE_S = 30


@dataclass(frozen=True, slots=True)
class _Access:
    """A mailbox and the way into it, read at most every 30 s."""

    mailbox: MailboxAccess
    session: gmail.Gmail
    read_at: float


_known: dict[tuple[UUID, UUID], _Access] = {}


def fetch_email(message: FetchEmail) -> None:
    """Fetch and store one mail, or note in the ledger why not.

    Raises:
        Discard: its mailbox is gone or disconnected; the ledger row waits for it.
    """
    about(workspace_id=message.workspace_id)
    access = _access(message.workspace_id, message.mailbox_id)
    if access is None:
        raise Discard("the mailbox is not connected")
    mailbox = access.mailbox
    if mailbox.throttled_until and mailbox.throttled_until > datetime.now(UTC):
        _throttled(message, access, mailbox.throttled_until)
        return
    try:
        fetched = gmail.get_raw(access.session, message.provider_id)
    except gmail.GmailError as error:
        _note(message, access, error)
        return
    _keep(message, mailbox, fetched)


def _keep(message: FetchEmail, mailbox: MailboxAccess, fetched: gmail.RawMessage) -> None:
    reason = commands.left_out(fetched)
    if reason is not None:
        with transaction(message.workspace_id, actor=ACTOR) as tx:
            commands.skip_email(tx, mailbox.id, message.provider_id, reason)
        return
    key = raw_key(message.workspace_id, fetched.raw)
    client("s3").put_object(
        Bucket=setting("BUCKET"), Key=key, Body=fetched.raw, ContentType="message/rfc822"
    )
    mail = parse(fetched.raw)
    with transaction(message.workspace_id, actor=ACTOR) as tx:
        stored = commands.store_email(tx, mailbox, fetched, mail, key, listed=message.listed)
    if stored is None:
        logger.info("mail was stored before", metadata={"provider_id": message.provider_id})


def raw_key(workspace_id: UUID, raw: bytes) -> str:
    """Where a mail's bytes are kept: by content, under the workspace's own prefix."""
    digest = sha256(raw).hexdigest()
    return f"{workspace_id}/mail/{digest[:2]}/{digest}.eml"


def _note(message: FetchEmail, access: _Access, error: gmail.GmailError) -> None:
    """Write down what became of a mail that could not be fetched."""
    mailbox = access.mailbox
    if isinstance(error, gmail.Throttled):
        _throttled(message, access, error.until)
        return
    with transaction(message.workspace_id, actor=ACTOR) as tx:
        match error:
            case gmail.MessageGone():
                commands.miss_email(tx, mailbox.id, message.provider_id)
            case gmail.TooLarge():
                commands.skip_email(tx, mailbox.id, message.provider_id, "too_large")
            case gmail.Unauthorized():
                commands.disconnect_mailbox(tx, mailbox, error.reason or "unauthorized")
                commands.postpone(tx, mailbox.id, message.provider_id, "disconnected")
                _known.pop((message.workspace_id, mailbox.id), None)
            case _:
                reason = error.reason or type(error).__name__
                commands.postpone(tx, mailbox.id, message.provider_id, reason)


def _throttled(message: FetchEmail, access: _Access, until: datetime) -> None:
    with transaction(message.workspace_id, actor=ACTOR) as tx:
        commands.throttle(tx, access.mailbox.id, message.provider_id, until)
    resting = access.mailbox.model_copy(update={"throttled_until": until})
    _known[message.workspace_id, message.mailbox_id] = replace(access, mailbox=resting)


def _access(workspace_id: UUID, mailbox_id: UUID) -> _Access | None:
    held = _known.get((workspace_id, mailbox_id))
    if held and time.monotonic() - held.read_at < _ACCESS_LIFE_S:
        return held
    with transaction(workspace_id, actor=ACTOR) as tx:
        mailbox = queries.get_access(tx, mailbox_id)
    if mailbox is None or mailbox.state != "active":
        return None
    token = data_key(workspace_id).unseal(mailbox.credentials, column="mailboxes.credentials")
    access = _Access(mailbox, gmail.Gmail(setting("GOOGLE_API_URL"), token), time.monotonic())
    _known[workspace_id, mailbox_id] = access
    return access


handler = Messages(FetchEmail, fetch_email).handler
