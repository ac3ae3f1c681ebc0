"""Writing deliveries."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from psycopg.types.json import Jsonb

from functions.webhooks.listening import Listener, NewDelivery
from functions.webhooks.outcomes import Claimed, Outcome
from shared.db import Tx

_ATTEMPTS_KEPT = 20


def record(tx: Tx, deliveries: Sequence[NewDelivery], *, again: bool) -> list[UUID]:
    """Store deliveries, due now; the endpoints of those that are new.

    With `again`, what was delivered or has failed becomes due once more, with the body it has: then
    theirs, too. One that is being sent at this moment is left alone.
    """
    return tx.all(
        UUID,
        """
        insert into webhook_deliveries as d (workspace_id, id, endpoint_id, event_id, event_type,
            position, mailbox_id, body)
        select %(workspace_id)s, n.id, n.endpoint_id, n.event_id, n.event_type, n.position,
            n.mailbox_id, n.body
        from unnest(%(ids)s::uuid[], %(endpoint_ids)s::uuid[], %(event_ids)s::uuid[],
            %(event_types)s::text[], %(positions)s::bigint[], %(mailbox_ids)s::uuid[],
            %(bodies)s::text[])
            as n (id, endpoint_id, event_id, event_type, position, mailbox_id, body)
        on conflict (workspace_id, endpoint_id, event_id) do update
        set state = 'pending', reason = null, attempts = 0, due_at = now(), sending = false,
            claim = d.claim + 1, settled_at = null
        where %(again)s and not (d.state = 'pending' and d.sending and d.due_at > now())
        returning d.endpoint_id
        """,
        ids=[one.id for one in deliveries],
        endpoint_ids=[one.endpoint_id for one in deliveries],
        event_ids=[one.event_id for one in deliveries],
        event_types=[one.event_type for one in deliveries],
        positions=[one.position for one in deliveries],
        mailbox_ids=[one.mailbox_id for one in deliveries],
        bodies=[one.body for one in deliveries],
        again=again,
    )


def expire(tx: Tx, endpoint_id: UUID, *, days: int, limit: int) -> int:
    """Delete old deliveries of an endpoint, up to `limit`; how many there were."""
    return tx.run(
        """
        delete from webhook_deliveries
        where workspace_id = %(workspace_id)s and id = any(array(
            select id from webhook_deliveries
            where workspace_id = %(workspace_id)s and endpoint_id = %(endpoint_id)s
                and created_at < now() - make_interval(days => %(days)s)
            limit %(limit)s
        ))
        """,
        endpoint_id=endpoint_id,
        days=days,
        limit=limit,
    )


def replay(tx: Tx, endpoint_id: UUID, delivery_id: UUID) -> int:
    """Make a delivery due once more, as `record` does; how many there were."""
    return tx.run(
        """
        update webhook_deliveries
        set state = 'pending', reason = null, attempts = 0, due_at = now(), sending = false,
            claim = claim + 1, settled_at = null
        where workspace_id = %(workspace_id)s and endpoint_id = %(endpoint_id)s and id = %(id)s
            and not (state = 'pending' and sending and due_at > now())
        """,
        endpoint_id=endpoint_id,
        id=delivery_id,
    )


def give_up_unreadable(tx: Tx, listener: Listener, told: Collection[str] | None) -> None:
    """Fail what is due at an endpoint whose member may read it no more: who has left or has another
    role, or with whom a mailbox is shared no more. `told` are the types of events that they may be
    told of, None for all.
    """
    tx.run(
        """
        update webhook_deliveries d
        set state = 'failed', reason = 'not_permitted', settled_at = now()
        where d.workspace_id = %(workspace_id)s and d.endpoint_id = %(endpoint_id)s
            and d.state = 'pending' and d.due_at <= now()
            and (
                not %(is_member)s
                or d.position is not null and not coalesce(d.event_type = any(%(told)s), true)
                or d.mailbox_id is not null and not exists (
                    select from mailboxes m
                    where m.workspace_id = %(workspace_id)s and m.id = d.mailbox_id
                        and (m.sharing = 'everything' or m.user_id = %(user_id)s)
                )
            )
        """,
        endpoint_id=listener.id,
        user_id=listener.user_id,
        is_member=listener.role is not None,
        told=None if told is None else sorted(told),
    )


def claim(tx: Tx, endpoint_id: UUID, *, most: int, lease_s: int) -> list[Claimed]:
    """Take due deliveries, longest due first, for as long as a sender may need.

    A sender that dies holds them no longer than that; then they are sent again, so a receiver may
    see one twice. Each taking counts as an attempt, or a delivery that kills its sender would be
    taken for ever.
    """
    return tx.all(
        Claimed,
        """
        with due as (
            select id from webhook_deliveries
            where workspace_id = %(workspace_id)s and endpoint_id = %(endpoint_id)s
                and state = 'pending' and due_at <= now()
            order by due_at
            limit %(most)s
            for update skip locked
        )
        update webhook_deliveries d
        set attempts = d.attempts + 1, claim = d.claim + 1, sending = true,
            due_at = now() + make_interval(secs => %(lease_s)s)
        from due
        where d.workspace_id = %(workspace_id)s and d.id = due.id
        returning d.id, d.event_id, d.body, d.attempts, d.claim
        """,
        endpoint_id=endpoint_id,
        most=most,
        lease_s=lease_s,
    )


def settle(tx: Tx, outcomes: Sequence[Outcome]) -> None:
    """Write down how deliveries went, those that nobody else has taken since."""
    ordered = sorted(outcomes, key=lambda one: one.delivery.id)
    tx.run(
        """
        update webhook_deliveries d
        set state = o.state, reason = o.reason, sending = false,
            due_at = now() + make_interval(secs => o.wait_s),
            attempts = d.attempts - (not o.counted)::int,
            log = jsonb_path_query_array(d.log || o.attempt, %(kept)s::jsonpath),
            settled_at = case when o.state <> 'pending' then now() end
        from unnest(%(ids)s::uuid[], %(claims)s::bigint[], %(states)s::text[], %(reasons)s::text[],
            %(waits)s::float8[], %(counted)s::bool[], %(attempts)s::jsonb[])
            as o (id, claim, state, reason, wait_s, counted, attempt)
        where d.workspace_id = %(workspace_id)s and d.id = o.id and d.claim = o.claim
            and d.state = 'pending'
        """,
        ids=[one.delivery.id for one in ordered],
        claims=[one.delivery.claim for one in ordered],
        states=[one.state for one in ordered],
        reasons=[one.reason and one.reason[:100] for one in ordered],
        waits=[one.wait.total_seconds() for one in ordered],
        counted=[one.counted for one in ordered],
        attempts=[
            Jsonb([one.attempt.model_dump(mode="json")] if one.attempt else []) for one in ordered
        ],
        kept=f"$[last - {_ATTEMPTS_KEPT - 1} to last]",
    )
