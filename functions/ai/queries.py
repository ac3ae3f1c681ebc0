"""Reading the mails that are to be analysed."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from functions.ai.models import StoredMail
from shared.db import Tx


def get_mails(tx: Tx, email_ids: Sequence[UUID]) -> list[StoredMail]:
    """The text of those mails that are there and have no analysis yet."""
    return tx.all(
        StoredMail,
        """
        select e.id, s.subject, b.reply as text, b.signature,
            coalesce(e.sender_name, '') as sender_name,
            coalesce(e.sender_email, '') as sender_email, e.kind, e.received_at as date
        from emails e
        join email_subjects s on s.workspace_id = e.workspace_id and s.id = e.id
        join email_bodies b on b.workspace_id = e.workspace_id and b.id = e.id
        where e.workspace_id = %(workspace_id)s and e.id = any(%(ids)s)
            and not exists (
                select from email_analyses a
                where a.workspace_id = e.workspace_id and a.email_id = e.id
            )
        """,
        ids=list(email_ids),
    )
