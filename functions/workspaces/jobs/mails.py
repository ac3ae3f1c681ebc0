"""Invitations whose mail nobody has sent, or is to be tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from functions.workspaces.mailing import mail_invitation
from functions.workspaces.queries.invitations import due_invitations
from shared.runtime import job_handler

_OLDER_S = 60
"""Those just made have an event of their own."""
_MOST = 20
"""A slow server takes ten seconds for each, and the function has five minutes."""


def mail_overdue() -> None:
    """Mail what is due for a minute, in whichever workspace."""
    before = datetime.now(UTC) - timedelta(seconds=_OLDER_S)
    for found in due_invitations(before, most=_MOST):
        mail_invitation(found.workspace_id, found.invitation_id)


handler = job_handler({"mail-invitations": mail_overdue})
