"""`email-fetch`: get mails, keep their bytes, parse them, store them.

Every mail ends in exactly one state of the ledger, and no mail holds up another: what must wait is
acknowledged here and released again when it is due. Mails of one mailbox that arrive together are
stored in one transaction.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from functions.email import commands, gmail, queries
from functions.email.models import FetchEmail, MailboxAccess
from shared.aws import client
from shared.db import refusal, transaction
from shared.encryption import data_key
from shared.log import about, logger
from shared.mail import Mail, parse
from shared.privacy import fingerprints
from shared.runtime import Discard, Messages
from shared.settings import setting

ACTOR = "system:email"
_ACCESS_LIFE_S = 30
_HELD_BYTES = 8_000_000
"""How much raw mail is held in memory before it is stored."""


@dataclass(frozen=True, slots=True)
class _Access:
    """A mailbox and the way into it, read at most every 30 s; and whether anybody's data was ever
    erased in its workspace.
    """

    mailbox: MailboxAccess
    session: gmail.Gmail
    read_at: float
    erasures: bool = False


@dataclass(frozen=True, slots=True)
class _Fetched:
    """A mail that was fetched, and its bytes kept."""

    message: FetchEmail
    raw: gmail.RawMessage
    mail: Mail
    key: str


_known: dict[tuple[UUID, UUID], _Access] = {}


def fetch_emails(messages: Sequence[FetchEmail]) -> None:
    """Fetch and store mails of one mailbox, or note in the ledger why not.

    Raises:
        Discard: the mailbox is gone or disconnected; the ledger rows wait for it.
    """
    workspace_id, mailbox_id = messages[0].workspace_id, messages[0].mailbox_id
    about(workspace_id=workspace_id)
    access = _access(workspace_id, mailbox_id)
    if access is None:
        raise Discard("the mailbox is not connected")
    held: list[_Fetched] = []
    for place, message in enumerate(messages):
        resting = access.mailbox.throttled_until
        if resting is not None and resting > datetime.now(UTC):
            _wait(messages[place:], resting)
            break
        try:
            raw = gmail.get_raw(access.session, message.provider_id)
        except gmail.Throttled as error:
            access = _rest(access, message, error.until)
            continue
        except gmail.GmailError as error:
            _note(message, access.mailbox, error)
            continue
        if access.erasures and _is_of_erased(message, raw):
            with transaction(workspace_id, actor=ACTOR) as tx:
                commands.skip_email(tx, message, "erased")
            continue
        fetched = _keep(message, raw)
        if fetched is not None:
            held.append(fetched)
        if sum(len(one.raw.raw) for one in held) > _HELD_BYTES:
            _store(access.mailbox, held)
            held = []
    _store(access.mailbox, held)


def raw_key(workspace_id: UUID, raw: bytes) -> str:
    """Where a mail's bytes are kept: by content, under the workspace's own prefix."""
    digest = sha256(raw).hexdigest()
    return f"{workspace_id}/mail/{digest[:2]}/{digest}.eml"


def _is_of_erased(message: FetchEmail, raw: gmail.RawMessage) -> bool:
    """Whether a mail names somebody whose data was erased after it was received: it comes in late,
    and its bytes are not even kept.
    """
    key = data_key(message.workspace_id)
    received_at = datetime.fromtimestamp(raw.internal_date / 1000, tz=UTC)
    named = {address for _, _, address in commands.participants(parse(raw.raw)) if address}
    with transaction(message.workspace_id, actor=ACTOR) as tx:
        return queries.erased_after(tx, fingerprints(key, named), received_at)


def _keep(message: FetchEmail, raw: gmail.RawMessage) -> _Fetched | None:
    """Put the mail's bytes into the bucket and parse them; None if it is not for the CRM, or the
    bucket does not take it now.
    """
    reason = commands.left_out(raw)
    if reason is not None:
        with transaction(message.workspace_id, actor=ACTOR) as tx:
            commands.skip_email(tx, message, reason)
        return None
    key = raw_key(message.workspace_id, raw.raw)
    try:
        client("s3").put_object(
            Bucket=setting("BUCKET"), Key=key, Body=raw.raw, ContentType="message/rfc822"
        )
    except Exception:  # whatever is wrong with the bucket is not the mail's fault
        logger.exception("the bucket takes no mail")
        with transaction(message.workspace_id, actor=ACTOR) as tx:
            commands.postpone(tx, message.mailbox_id, message.provider_id, "bucket", outage=True)
        return None
    return _Fetched(message, raw, parse(raw.raw), key)


def _store(mailbox: MailboxAccess, held: Sequence[_Fetched]) -> None:
    """Store mails in one transaction, in one order everywhere, so that none waits in a circle.

    Where the database refuses one, each is stored by itself, and the refused one is put off: it
    must not be fetched for ever.
    """
    if not held:
        return
    try:
        with transaction(held[0].message.workspace_id, actor=ACTOR) as tx:
            for one in sorted(held, key=lambda one: (one.raw.thread_id, one.raw.id)):
                commands.store_email(tx, mailbox, one.message, one.raw, one.mail, one.key)
    except Exception as error:
        reason = refusal(error)
        if reason is None:
            raise
        if len(held) > 1:
            for one in held:
                _store(mailbox, [one])
            return
        message = held[0].message
        logger.exception("a mail cannot be stored", metadata={"provider_id": message.provider_id})
        with transaction(message.workspace_id, actor=ACTOR) as tx:
            commands.postpone(tx, mailbox.id, message.provider_id, f"refused:{reason}")


def _note(message: FetchEmail, mailbox: MailboxAccess, error: gmail.GmailError) -> None:
    """Write down what became of a mail that could not be fetched."""
    with transaction(message.workspace_id, actor=ACTOR) as tx:
        match error:
            case gmail.MessageGone():
                commands.miss_email(tx, mailbox.id, message.provider_id)
            case gmail.TooLarge():
                commands.skip_email(tx, message, "too_large")
            case gmail.Unauthorized() | gmail.Forbidden():
                reason = error.reason or type(error).__name__
                commands.lose_access(tx, mailbox, message.provider_id, reason)
                _known.pop((message.workspace_id, mailbox.id), None)
            case _:
                reason = error.reason or type(error).__name__
                outage = isinstance(error, gmail.Unavailable)
                commands.postpone(tx, mailbox.id, message.provider_id, reason, outage=outage)


def _rest(access: _Access, message: FetchEmail, until: datetime) -> _Access:
    """Gmail wants a pause: the mailbox rests, and this mail with it."""
    with transaction(message.workspace_id, actor=ACTOR) as tx:
        commands.rest_mailbox(tx, access.mailbox.id, until)
    _wait([message], until)
    resting = access.mailbox.model_copy(update={"throttled_until": until})
    rested = replace(access, mailbox=resting)
    _known[message.workspace_id, message.mailbox_id] = rested
    return rested


def _wait(messages: Sequence[FetchEmail], until: datetime) -> None:
    with transaction(messages[0].workspace_id, actor=ACTOR) as tx:
        for message in messages:
            commands.wait_for_quota(tx, message.mailbox_id, message.provider_id, until)


def _access(workspace_id: UUID, mailbox_id: UUID) -> _Access | None:
    held = _known.get((workspace_id, mailbox_id))
    if held and time.monotonic() - held.read_at < _ACCESS_LIFE_S:
        return held
    with transaction(workspace_id, actor=ACTOR) as tx:
        mailbox = queries.get_access(tx, mailbox_id)
        erasures = queries.has_erasures(tx)
    if mailbox is None or mailbox.state != "active":
        return None
    token = data_key(workspace_id).unseal(mailbox.credentials, column="mailboxes.credentials")
    session = gmail.Gmail(setting("GOOGLE_API_URL"), token)
    access = _Access(mailbox, session, time.monotonic(), erasures)
    _known[workspace_id, mailbox_id] = access
    return access


handler = Messages(
    FetchEmail, fetch_emails, together=lambda message: (message.workspace_id, message.mailbox_id)
).handler
