"""`auth-mail`: sends mails that are due. The server is asked while no transaction is open."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from functions.auth.commands import mails
from functions.auth.models.mails import MailDue, letter
from shared.db import system_transaction
from shared.log import about, logger
from shared.mail.sending import NotSent, OutgoingMail, send
from shared.runtime import Discard, Messages
from shared.settings import setting


def send_mails(messages: Sequence[MailDue]) -> None:
    """Send a mail that is due, or note when it is to be tried again.

    Raises:
        Discard: there is nothing to send now.
    """
    for message in messages:
        _send(message.mail_id)


def _send(mail_id: UUID) -> None:
    with system_transaction(mails.ACTOR) as tx:
        taken = mails.take_up(tx, mail_id)
    if taken is None:
        raise Discard("it was sent, is being sent, or is not needed")
    mail, token = taken
    about(user_id=mail.user_id)
    console_url = setting("CONSOLE_URL", "")
    said = letter(mail.purpose, console_url=console_url, token=token)
    try:
        if token is not None and not console_url:
            raise NotSent("CONSOLE_URL is not set")  # noqa: TRY301 -- the same for every reason
        send(OutgoingMail(mail.id, mail.email, said.subject, said.text, said.html))
    except NotSent as error:
        logger.warning("a mail was not sent", metadata={"mail": str(mail_id), "why": str(error)})
        with system_transaction(mails.ACTOR) as tx:
            mails.note_unsent(tx, mail, for_good=error.for_good)
        return
    with system_transaction(mails.ACTOR) as tx:
        mails.note_sent(tx, mail)


handler = Messages(MailDue, send_mails, together=lambda message: message.mail_id).handler
