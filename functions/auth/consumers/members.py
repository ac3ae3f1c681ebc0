"""The queue `auth-members`: whoever left a workspace has no session there any more.

They are kept out without it, as the authorizer asks whether somebody is a member; this ends what
they have open (sockets) and says so.
"""

from __future__ import annotations

from collections.abc import Sequence

from events.workspaces import MemberLeft
from functions.auth import session_cache
from functions.auth.commands.sessions import end_sessions
from functions.auth.queries.accounts import memberships_in
from shared.db import transaction
from shared.runtime import Consumer

consumer = Consumer("auth-members")


def end_their_sessions(events: Sequence[MemberLeft]) -> None:
    """End the sessions of those who left; who has come back since keeps those they opened."""
    for event in events:
        with transaction(event.workspace_id, actor="system:auth") as tx:
            here = [one.workspace_id for one in memberships_in(tx, event.aggregate_id)]
            if event.workspace_id in here:
                continue
            ended = end_sessions(tx, event.aggregate_id, reason="membership_ended")
        session_cache.end(event.workspace_id, ended)


consumer.on_vendor(MemberLeft)(end_their_sessions)

handler = consumer.handler
