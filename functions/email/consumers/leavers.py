"""The queue `email-leavers`: mailboxes of those who leave a workspace, or erase their account, are
read no more.
"""

from __future__ import annotations

from uuid import UUID

from events.auth import AccountErasureRequested
from events.email import MailboxDisconnected
from events.workspaces import MemberLeft
from functions.email import store
from shared.db import Tx
from shared.runtime import Consumer

consumer = Consumer("email-leavers")


@consumer.on(AccountErasureRequested)
def forget_who_is_erased(tx: Tx, event: AccountErasureRequested) -> None:
    """Disconnect what they connected, and forget the way in. The mails that there are stay with the
    workspace.
    """
    _disconnect(tx, event.aggregate_id, "account_erased")


@consumer.on(MemberLeft)
def forget_who_left(tx: Tx, event: MemberLeft) -> None:
    """The same of who left or was removed; but not where they are back by now."""
    _disconnect(tx, event.aggregate_id, "member_left", unless_member=True)


def _disconnect(tx: Tx, user_id: UUID, reason: str, *, unless_member: bool = False) -> None:
    for one in store.disconnect_all_of(tx, user_id, reason, unless_member=unless_member):
        envelope = tx.envelope(one.id, one.version)
        tx.emit(MailboxDisconnected(**envelope, address=one.address, reason=reason))


handler = consumer.handler
