"""Mails that nobody was told of, or that wait for another attempt; and what is over is deleted."""

from __future__ import annotations

from functions.auth.commands.mails import ACTOR, ring
from functions.auth.queries.mails import overdue_mails
from functions.auth.store.external import delete_old_sign_ins
from functions.auth.store.factors import delete_old_challenges
from functions.auth.store.mails import delete_old_mails
from shared.db import system_transaction
from shared.runtime import job_handler

_OLDER_S = 60
"""Those just written down have a message of their own."""
_MOST = 500


def release() -> None:
    """Say of mails that are due that they are. Saying so twice does no harm."""
    overdue = overdue_mails(older_s=_OLDER_S, most=_MOST)
    if overdue:
        ring(overdue)


def expire() -> None:
    """Delete mails of 30 days ago, and links, challenges and sign-ins elsewhere that are over."""
    with system_transaction(ACTOR) as tx:
        delete_old_mails(tx)
        delete_old_challenges(tx)
        delete_old_sign_ins(tx)


handler = job_handler({"release-mails": release, "expire-mails": expire})
