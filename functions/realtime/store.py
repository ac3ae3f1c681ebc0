"""Writing tickets where the cache does not take them."""

from __future__ import annotations

from functions.realtime.models import TICKET_SECONDS, Holder
from shared.db import Tx


def insert_ticket(tx: Tx, digest: bytes, holder: Holder) -> None:
    """Keep a ticket for its minute; those whose minute is over go."""
    tx.run(
        """
        delete from socket_tickets
        where workspace_id = %(workspace_id)s and expires_at < now()
        """
    )
    tx.run(
        """
        insert into socket_tickets
            (workspace_id, digest, user_id, session_id, access, expires_at)
        values (%(workspace_id)s, %(digest)s, %(user_id)s, %(session_id)s, %(access)s,
            now() + make_interval(secs => %(seconds)s))
        """,
        digest=digest,
        seconds=TICKET_SECONDS,
        **holder.model_dump(),
    )


def take_ticket(tx: Tx, digest: bytes) -> Holder | None:
    """Whom a ticket was given to, if it still counts; it is gone then."""
    return tx.one(
        Holder,
        """
        with gone as (
            delete from socket_tickets
            where workspace_id = %(workspace_id)s and digest = %(digest)s
            returning user_id, session_id, access, expires_at
        )
        select user_id, session_id, access from gone where expires_at > now()
        """,
        digest=digest,
    )
