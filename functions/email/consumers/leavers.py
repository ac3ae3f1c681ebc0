"""The queue `email-leavers`: mailboxes of those who erase their account are read no more."""

from __future__ import annotations

from events.auth import AccountErasureRequested
from events.email import MailboxDisconnected
from functions.email import store
from shared.db import Tx
from shared.runtime import Consumer

REASON = "account_erased"
consumer = Consumer("email-leavers")


@consumer.on(AccountErasureRequested)
def disconnect(tx: Tx, event: AccountErasureRequested) -> None:
    """Disconnect what they connected, and forget the way in. The mails that there are stay with the
    workspace.
    """
    for one in store.disconnect_all_of(tx, event.aggregate_id, REASON):
        envelope = tx.envelope(one.id, one.version)
        tx.emit(MailboxDisconnected(**envelope, address=one.address, reason=REASON))


handler = consumer.handler
