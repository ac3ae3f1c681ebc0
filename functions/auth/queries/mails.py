"""Reading mails that are due, and links."""

from __future__ import annotations

from uuid import UUID

from functions.auth.models.mails import LinkPurpose
from shared.db import resolve


def overdue_mails(*, older_s: int, most: int) -> list[UUID]:
    """Mails that nobody has sent although they are due for so long, the oldest first."""
    return resolve(
        UUID,
        """
        select id from account_mails
        where state = 'waiting' and due_at < now() - make_interval(secs => %(older_s)s)
        order by due_at limit %(most)s
        """,
        older_s=older_s,
        most=most,
    )


def is_link(link_hash: bytes, purpose: LinkPurpose) -> bool:
    """Whether a link may be used now; using it says so for certain."""
    return find_whose(link_hash, purpose) is not None


def find_whose(link_hash: bytes, purpose: LinkPurpose) -> UUID | None:
    """Whose a link is that may be used now."""
    found = resolve(
        UUID,
        """
        select user_id from mailed_links
        where hash = %(hash)s and purpose = %(purpose)s and expires_at > now()
        """,
        hash=link_hash,
        purpose=purpose,
    )
    return found[0] if found else None
