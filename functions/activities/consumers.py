"""The queue `tasks-owners`: what somebody owned who left passes to whom they named."""

from __future__ import annotations

from collections.abc import Sequence

from events.workspaces import MemberLeft
from functions.activities.commands import pass_on_tasks
from shared.db import transaction
from shared.runtime import Consumer

consumer = Consumer("tasks-owners")


def pass_on(events: Sequence[MemberLeft]) -> None:
    """Pass tasks on, some in each transaction, in the name of whoever said so. Cut short, it
    goes on where it was; done again, it finds nothing.
    """
    for event in events:
        more = event.reassign_to is not None
        while more:
            assert event.reassign_to
            with transaction(event.workspace_id, actor=event.actor) as tx:
                more = pass_on_tasks(tx, event.aggregate_id, event.reassign_to)


consumer.on_vendor(MemberLeft)(pass_on)

handler = consumer.handler
