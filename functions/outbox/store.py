"""Taking rows from the outbox, the inbox and the kept answers, of every workspace."""

from __future__ import annotations

from functions.outbox.models import Unpublished
from shared.db import Tx


def claim(tx: Tx, *, limit: int, older_than_s: float) -> list[Unpublished]:
    """Take due events, longest due first, and put off their next attempt: one minute after the
    first, then twice as long each time, an hour at most.

    The delay is a lease as well: rows are locked only while they are claimed, so no transaction is
    open while the bus is asked, and a sweeper that dies holds nothing for long. Rows another
    sweeper is claiming are skipped, as are those so young that the function which wrote them is
    probably publishing them itself.
    """
    return tx.all(
        Unpublished,
        """
        with due as (
            select workspace_id, event_id from outbox
            where next_attempt_at <= now()
                and created_at <= now() - make_interval(secs => %(older_than_s)s)
            order by next_attempt_at
            limit %(limit)s
            for update skip locked
        ), claimed as (
            update outbox o
            set attempts = o.attempts + 1,
                next_attempt_at = now() + least(
                    interval '1 minute' * power(2, least(o.attempts, 10)), interval '1 hour'
                )
            from due
            where o.workspace_id = due.workspace_id and o.event_id = due.event_id
            returning o.workspace_id, o.event_id
        )
        select claimed.workspace_id, claimed.event_id, e.type,
            (e.payload || jsonb_build_object('position', e.position))::text as detail
        from claimed
        join event_log e on e.workspace_id = claimed.workspace_id and e.id = claimed.event_id
        order by claimed.workspace_id, e.position
        """,
        limit=limit,
        older_than_s=older_than_s,
    )


def expire_inbox(tx: Tx, *, limit: int) -> int:
    """Forget what consumers saw over 30 days ago, up to `limit` rows; how many there were.

    No queue redelivers after that long: messages live 14 days, in a dead-letter queue too.
    """
    return tx.run(
        """
        delete from inbox i using (
            select workspace_id, consumer, event_id from inbox
            where seen_at < now() - interval '30 days'
            limit %(limit)s
        ) old
        where i.workspace_id = old.workspace_id and i.consumer = old.consumer
            and i.event_id = old.event_id
        """,
        limit=limit,
    )


def expire_answers(tx: Tx, *, limit: int) -> int:
    """Forget answers to requests with an Idempotency-Key that are older than a day, up to `limit`;
    how many there were. They count for nothing from then on, whether deleted or not.
    """
    return tx.run(
        """
        delete from idempotency_keys k using (
            select workspace_id, request from idempotency_keys
            where created_at <= now() - interval '24 hours'
            limit %(limit)s
        ) old
        where k.workspace_id = old.workspace_id and k.request = old.request
        """,
        limit=limit,
    )


def expire_operations(tx: Tx, *, limit: int) -> int:
    """Forget operations that are older than 30 days, up to `limit`, with what they changed; how
    many there were. From then on they cannot be undone.
    """
    return tx.run(
        """
        delete from operations o using (
            select workspace_id, id from operations
            where created_at < now() - interval '30 days'
            limit %(limit)s
        ) old
        where o.workspace_id = old.workspace_id and o.id = old.id
        """,
        limit=limit,
    )
