"""The mails of invitations: what is to be done is written in the invitation's row.

So no mail is lost with a message, and none is doubled by one that comes twice: whoever takes it up
has it alone. It is sent again only where the sender died between the server's yes and writing that
down; it has the same Message-ID then, and the links of both are good.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from functions.workspaces.models.invitations import MOST_ATTEMPTS, InvitationToken, Mail
from functions.workspaces.store import invitations as store
from shared.db import Tx
from shared.log import logger, metrics

_LONGEST_WAIT_S = 3600


class Taken(NamedTuple):
    """A mail to send now, and the token of its link."""

    mail: Mail
    token: InvitationToken


def take_up(tx: Tx, invitation_id: UUID) -> Taken | None:
    """Take an invitation's mail up to send it; None where there is nothing to send: it was sent,
    somebody is about to, or the invitation is not open any more.
    """
    token = InvitationToken.new(tx.workspace_id, invitation_id)
    mail = store.take_mail(tx, invitation_id, token.hash)
    if mail is None:
        return None
    if mail.attempts > MOST_ATTEMPTS:  # whoever took it up before never came back
        _give_up(tx, mail)
        return None
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
    metrics.add_metric(name="InvitationMailFailed", unit="Count", value=1)
    logger.error("an invitation's mail is given up", metadata={"invitation": str(mail.id)})
