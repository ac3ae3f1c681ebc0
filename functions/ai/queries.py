"""Reading the mail that is to be analysed."""

from __future__ import annotations

from uuid import UUID

from functions.ai.models import StoredMail
from shared.db import Tx


def get_mail(tx: Tx, email_id: UUID) -> StoredMail | None:
    """The mail's text, or None where it is gone or was analysed already."""
    return tx.one(
        StoredMail,
        """
        select e.mailbox_id, s.subject, b.reply as text, b.signature,
            coalesce(e.sender_name, '') as sender_name,
            coalesce(e.sender_email, '') as sender_email, e.kind, e.received_at as date
        from emails e
        join email_subjects s on s.workspace_id = e.workspace_id and s.id = e.id
        join email_bodies b on b.workspace_id = e.workspace_id and b.id = e.id
        where e.workspace_id = %(workspace_id)s and e.id = %(id)s
            and not exists (
                select from email_analyses a
                where a.workspace_id = e.workspace_id and a.email_id = e.id
            )
        """,
        id=email_id,
    )
