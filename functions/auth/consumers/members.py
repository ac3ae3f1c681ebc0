"""The queue `auth-members`: whoever left a workspace has no session there any more, nor has anybody
but owners in one that is to be deleted.

They are kept out without it, as the authorizer asks whether somebody is a member; this ends what
they have open (sockets) and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from events.workspaces import MemberLeft, WorkspaceDeletionRequested
from functions.auth import session_cache
from functions.auth.commands.sessions import end_sessions
from functions.auth.queries.accounts import memberships_in
from functions.auth.queries.sessions import guests
from shared.db import transaction
from shared.runtime import Consumer

consumer = Consumer("auth-members")
_MOST = 100
"""At once: the workspace writes no other event meanwhile."""


def end_their_sessions(events: Sequence[MemberLeft]) -> None:
    """End the sessions of those who left; who has come back since keeps those they opened."""
    for event in events:
        with transaction(event.workspace_id, actor="system:auth") as tx:
            here = [one.workspace_id for one in memberships_in(tx, event.aggregate_id)]
            if event.workspace_id in here:
                continue
            ended = end_sessions(tx, event.aggregate_id, reason="membership_ended")
        session_cache.end(event.workspace_id, ended)


def end_sessions_of_guests(events: Sequence[WorkspaceDeletionRequested]) -> None:
    """End the sessions of everybody but owners; where it was restored since, those stay that there
    are.
    """
    workspace_id = events[0].workspace_id
    last: UUID | None = None
    while True:
        with transaction(workspace_id, actor="system:auth") as tx:
            found = guests(tx, after=last, most=_MOST) if tx.closing else []
            ended = [
                session_id
                for guest in found
                for session_id in end_sessions(tx, guest, reason="membership_ended")
            ]
        session_cache.end(workspace_id, ended)
        if len(found) < _MOST:
            return
        last = found[-1]


consumer.on_vendor(MemberLeft)(end_their_sessions)
consumer.on_vendor(WorkspaceDeletionRequested)(end_sessions_of_guests)

handler = consumer.handler
