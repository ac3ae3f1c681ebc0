"""The queue `workspaces-mail`: invitations that were made or renewed, and are to be mailed."""

from __future__ import annotations

from collections.abc import Sequence

from events.envelope import Event
from events.workspaces import InvitationCreated, InvitationRenewed
from functions.workspaces.mailing import mail_invitation
from shared.runtime import Consumer

consumer = Consumer("workspaces-mail")


def mail_invitations(events: Sequence[Event]) -> None:
    """Mail the invitations that events tell of; what was mailed is left alone."""
    for event in events:
        mail_invitation(event.workspace_id, event.aggregate_id)


for kind in (InvitationCreated, InvitationRenewed):
    consumer.on_vendor(kind)(mail_invitations)

handler = consumer.handler
