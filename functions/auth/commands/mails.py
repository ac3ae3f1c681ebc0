"""Mails to people: written down with what they are about, then sent by the consumer of `auth-mail`.

The row is what is to be done, the message only says that there is something. So no mail is lost
with a message, and none is doubled by one that comes twice: whoever takes the row up has it alone.
A mail is sent again only where the sender died between the server's yes and writing that down; it
has the same Message-ID then, and both its links are good.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from pydantic import SecretStr

from functions.auth.models.mails import (
    LINK_LIVES_S,
    LinkPurpose,
    Mail,
    MailDue,
    Purpose,
    new_token,
    token_hash,
)
from functions.auth.models.sessions import Client
from functions.auth.passwords import is_password
from functions.auth.store import mails as store
from functions.auth.throttle import Kind, throttle
from shared.db import Tx, system_transaction
from shared.ids import uuid7
from shared.log import logger, metrics
from shared.queues import Outgoing, send

ACTOR = "system:auth"
MOST_ATTEMPTS = 10
"""Six hours of waiting in all."""
_LONGEST_WAIT_S = 3600
_KINDS: dict[LinkPurpose, Kind] = {"verify_email": "verify", "reset_password": "reset"}


class Taken(NamedTuple):
    """A mail to send now, and the token of its link."""

    mail: Mail
    token: str | None


def want_mail(tx: Tx, purpose: Purpose, user_id: UUID) -> UUID:
    """Write a mail to a person down, with what it is about. `ring` for it after the commit."""
    mail_id = uuid7()
    store.insert_mail(tx, mail_id, purpose, user_id)
    return mail_id


def ask_for_link(purpose: LinkPurpose, email: str, client: Client) -> None:
    """Have a link mailed to an address, if somebody has it here.

    What is done, and for how long, is the same if nobody has: a row, a message, and the one
    verification of a hash that signing in costs too, which hides what is left to measure.

    Raises:
        Throttled: too many were asked for.
    """
    throttle(_KINDS[purpose], email, client.address)
    is_password(SecretStr(""), None)
    mail_id = uuid7()
    with system_transaction(ACTOR) as tx:
        store.insert_mail_to(tx, mail_id, purpose, email)
    ring([mail_id])


def ring(mail_ids: Sequence[UUID]) -> None:
    """Say that mails are due. Where that fails they are late: the next job finds them."""
    try:
        send("auth-mail", [_message(mail_id) for mail_id in mail_ids])
    except Exception:
        logger.exception("mails wait for the job", metadata={"mails": len(mail_ids)})


def take_up(tx: Tx, mail_id: UUID) -> Taken | None:
    """Take a mail up to send it, with a link of its own; None where there is nothing to send: it
    was, somebody is about to, or there is no reason any more.
    """
    mail = store.take_mail(tx, mail_id)
    if mail is None:
        return None
    if not mail.needed:
        store.close_mail(tx, mail_id, "needless")
        return None
    if mail.attempts > MOST_ATTEMPTS:  # whoever took it up before never came back
        _give_up(tx, mail)
        return None
    token = None
    if mail.purpose == "verify_email" or mail.purpose == "reset_password":
        token, lives_s = new_token(), LINK_LIVES_S[mail.purpose]
        store.insert_link(
            tx, token_hash(token), mail.purpose, mail.user_id, mail.email, lives_s=lives_s
        )
    return Taken(mail, token)


def note_sent(tx: Tx, mail: Mail) -> None:
    """The server has it."""
    store.close_mail(tx, mail.id, "sent")


def note_unsent(tx: Tx, mail: Mail, *, for_good: bool) -> None:
    """The server did not take it: it waits, twice as long each time, or is given up."""
    if for_good or mail.attempts >= MOST_ATTEMPTS:
        _give_up(tx, mail)
    else:
        store.postpone_mail(tx, mail.id, wait_s=min(60 * 2**mail.attempts, _LONGEST_WAIT_S))


def _give_up(tx: Tx, mail: Mail) -> None:
    store.close_mail(tx, mail.id, "failed")
    metrics.add_metric(name="AccountMailFailed", unit="Count", value=1)
    logger.error("a mail is given up", metadata={"mail": str(mail.id), "purpose": mail.purpose})


def _message(mail_id: UUID) -> Outgoing:
    return Outgoing(MailDue(mail_id=mail_id).model_dump_json(), group=str(mail_id))
