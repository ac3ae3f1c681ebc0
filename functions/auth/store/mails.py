"""Writing mails that are due, and the links in them."""

from __future__ import annotations

from uuid import UUID

from functions.auth.models.mails import LinkPurpose, Mail, Purpose
from shared.db import Tx

LEASE_S = 300
"""For how long whoever took a mail up has it alone: longer than the function may run."""


def insert_mail(tx: Tx, mail_id: UUID, purpose: Purpose, user_id: UUID) -> None:
    """Write down a mail to a person."""
    tx.run(
        """
        insert into account_mails (id, purpose, user_id, state)
        values (%(id)s, %(purpose)s, %(user_id)s, 'waiting')
        """,
        id=mail_id,
        purpose=purpose,
        user_id=user_id,
    )


def insert_mail_to(tx: Tx, mail_id: UUID, purpose: Purpose, email: str) -> None:
    """Write down a mail to whoever has that address, or that it is for nobody: one statement and
    one row either way.
    """
    tx.run(
        """
        insert into account_mails (id, purpose, user_id, state)
        select %(id)s, %(purpose)s, u.id, case when u.id is null then 'nobody' else 'waiting' end
        from (select) as one left join users u on u.email = %(email)s
        """,
        id=mail_id,
        purpose=purpose,
        email=email,
    )


def take_mail(tx: Tx, mail_id: UUID) -> Mail | None:
    """Take a mail up, so that nobody else does for a while; None where it is not to be sent now."""
    return tx.one(
        Mail,
        """
        update account_mails m
        set attempts = m.attempts + 1, due_at = now() + make_interval(secs => %(lease_s)s)
        from users u
        where m.id = %(id)s and m.state = 'waiting' and m.due_at <= now() and u.id = m.user_id
        returning m.id, m.purpose, m.attempts, m.user_id, u.email,
            m.purpose <> 'verify_email' or u.email_verified_at is null as needed
        """,
        id=mail_id,
        lease_s=LEASE_S,
    )


def close_mail(tx: Tx, mail_id: UUID, state: str) -> None:
    """Say what became of a mail: sent, needless or failed."""
    tx.run(
        """
        update account_mails
        set state = %(state)s, sent_at = case when %(state)s = 'sent' then now() end
        where id = %(id)s and state = 'waiting'
        """,
        id=mail_id,
        state=state,
    )


def postpone_mail(tx: Tx, mail_id: UUID, *, wait_s: int) -> None:
    """Let a mail that was not sent wait."""
    tx.run(
        """
        update account_mails set due_at = now() + make_interval(secs => %(wait_s)s)
        where id = %(id)s and state = 'waiting'
        """,
        id=mail_id,
        wait_s=wait_s,
    )


def insert_link(
    tx: Tx, link_hash: bytes, purpose: LinkPurpose, user_id: UUID, email: str, *, lives_s: int
) -> None:
    """Store what a link is to prove."""
    tx.run(
        """
        insert into mailed_links (hash, purpose, user_id, email, expires_at)
        values (%(hash)s, %(purpose)s, %(user_id)s, %(email)s,
            now() + make_interval(secs => %(lives_s)s))
        """,
        hash=link_hash,
        purpose=purpose,
        user_id=user_id,
        email=email,
        lives_s=lives_s,
    )


def use_link(tx: Tx, link_hash: bytes, purpose: LinkPurpose) -> UUID | None:
    """Use a link up, with all others of its person that are for the same; whose it was. None where
    it is not good: unknown, over, for another purpose, or to an address they no longer have.
    """
    user_id = tx.one(
        UUID,
        """
        delete from mailed_links l using users u
        where l.hash = %(hash)s and l.purpose = %(purpose)s and l.expires_at > now()
            and u.id = l.user_id and u.email = l.email
        returning l.user_id
        """,
        hash=link_hash,
        purpose=purpose,
    )
    if user_id is not None:
        delete_links(tx, user_id, purpose)
    return user_id


def delete_links(tx: Tx, user_id: UUID, purpose: LinkPurpose) -> None:
    """Let no link be good that a person was mailed for this purpose."""
    tx.run(
        "delete from mailed_links where user_id = %(user_id)s and purpose = %(purpose)s",
        user_id=user_id,
        purpose=purpose,
    )


def delete_old_mails(tx: Tx) -> int:
    """Delete what says nothing any more: mails of 30 days ago, links that are over."""
    tx.run("delete from mailed_links where expires_at < now() - interval '1 day'")
    return tx.run("delete from account_mails where created_at < now() - interval '30 days'")
