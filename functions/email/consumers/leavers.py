"""The queue `email-leavers`: mailboxes of those who leave a workspace, or erase their account, are
read no more.
"""

from __future__ import annotations

from uuid import UUID

from events.auth import AccountErasureRequested
from events.workspaces import MemberLeft
from functions.email import commands
from shared.db import Tx
from shared.runtime import Consumer

consumer = Consumer("email-leavers")


@consumer.on(AccountErasureRequested)
def forget_who_is_erased(tx: Tx, event: AccountErasureRequested) -> None:
    """Disconnect what they connected, and forget the way in. The mails that there are stay with the
    workspace.
    """
    commands.disconnect_all_of(tx, event.aggregate_id, "account_erased")


@consumer.on(MemberLeft)
def forget_who_left(tx: Tx, event: MemberLeft) -> None:
    """The same of who left or was removed; but not where they are back by now."""
    member_id: UUID = event.aggregate_id
    commands.disconnect_all_of(tx, member_id, "member_left", unless_member=True)


handler = consumer.handler
