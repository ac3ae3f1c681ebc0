"""Writing attempts to sign in that failed."""

from __future__ import annotations

from uuid import UUID

from functions.auth.models.failures import Failure, Step
from shared.db import Tx
from shared.ids import uuid7
from shared.origin import current


def insert_failure(tx: Tx, user_id: UUID | None, step: Step) -> None:
    """Write down an attempt."""
    origin = current()
    tx.run(
        """
        insert into failed_sign_ins (id, user_id, step, source_ip, user_agent, request_id)
        values (%(id)s, %(user_id)s, %(step)s, %(source_ip)s, %(user_agent)s, %(request_id)s)
        """,
        id=uuid7(),
        user_id=user_id,
        step=step,
        source_ip=origin.source_ip,
        user_agent=origin.user_agent,
        request_id=origin.request_id,
    )


def take_failures(tx: Tx, *, most: int) -> list[Failure]:
    """Take up to `most` of what was written down, the oldest first."""
    return tx.all(
        Failure,
        """
        with taken as (
            delete from failed_sign_ins where id in (
                select id from failed_sign_ins order by id limit %(most)s for update skip locked)
            returning user_id, step, tried_at, source_ip, user_agent, request_id
        )
        select user_id, step, tried_at, source_ip, user_agent, request_id from taken
        order by tried_at
        """,
        most=most,
    )
