"""Sends the mails of invitations. The server is asked while no transaction is open."""

from __future__ import annotations

from uuid import UUID

from functions.workspaces.commands import mails
from functions.workspaces.models.invitations import letter
from shared.db import transaction
from shared.log import logger
from shared.mail.sending import NotSent, OutgoingMail, send
from shared.settings import setting

ACTOR = "system:workspaces"


def mail_invitation(workspace_id: UUID, invitation_id: UUID) -> None:
    """Send an invitation's mail if it is due, or note when it is to be tried again."""
    with transaction(workspace_id, actor=ACTOR) as tx:
        taken = mails.take_up(tx, invitation_id)
    if taken is None:
        return
    mail = taken.mail
    console_url = setting("CONSOLE_URL", "")
    said = letter(mail, taken.token, console_url=console_url)
    try:
        if not console_url:
            raise NotSent("CONSOLE_URL is not set")  # noqa: TRY301 -- the same for every reason
        send(OutgoingMail(mail.id, mail.email, said.subject, said.text, said.html))
    except NotSent as error:
        metadata = {"invitation": str(mail.id), "why": str(error)}
        logger.warning("an invitation was not mailed", metadata=metadata)
        with transaction(workspace_id, actor=ACTOR) as tx:
            mails.note_unsent(tx, mail, for_good=error.for_good)
        return
    with transaction(workspace_id, actor=ACTOR) as tx:
        mails.note_sent(tx, mail)
