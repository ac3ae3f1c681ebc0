"""What a sender writes about the endpoint it works on."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from functions.webhooks.models import Disabled
from functions.webhooks.outcomes import RATE, Held
from shared.db import Tx


def hold(tx: Tx, endpoint_id: UUID, holder: UUID, *, lease_s: int) -> Held | None:
    """Hold an endpoint for a sender, or go on holding it; how many requests it may send. None if
    another sender holds it, it rests, or nothing is sent to it.

    The row stays locked to the end of the transaction. Its bucket refills here; `spend` takes out.
    """
    return tx.one(
        Held,
        """
        update webhook_endpoints set busy_by = %(holder)s,
            busy_until = now() + make_interval(secs => %(lease_s)s),
            wake_at = case when wake_at > now() then wake_at end,
            tokens = least(%(rate)s, tokens + %(rate)s * greatest(
                extract(epoch from now() - tokens_at), 0)),
            tokens_at = greatest(now(), tokens_at)
        where workspace_id = %(workspace_id)s and id = %(id)s and enabled and deleted_at is null
            and (resting_until is null or resting_until <= now())
            and (busy_until is null or busy_until <= now() or busy_by = %(holder)s)
        returning url, array_remove(array[secret,
            case when previous_secret_until > now() then previous_secret end], null) as secrets,
            floor(tokens)::int as allowance
        """,
        id=endpoint_id,
        holder=holder,
        lease_s=lease_s,
        rate=RATE,
    )


def spend(tx: Tx, endpoint_id: UUID, requests: int) -> None:
    """Take so many requests out of an endpoint's bucket."""
    tx.run(
        """
        update webhook_endpoints set tokens = tokens - %(requests)s
        where workspace_id = %(workspace_id)s and id = %(id)s
        """,
        id=endpoint_id,
        requests=requests,
    )


def release(tx: Tx, endpoint_id: UUID, holder: UUID) -> int:
    """Let go of an endpoint, if the sender still holds it: 1 or 0."""
    return tx.run(
        """
        update webhook_endpoints set busy_by = null, busy_until = null
        where workspace_id = %(workspace_id)s and id = %(id)s and busy_by = %(holder)s
        """,
        id=endpoint_id,
        holder=holder,
    )


def plan_wake(tx: Tx, endpoint_id: UUID, *, within_s: int) -> float | None:
    """In how many seconds a sender is to be sent for, because something is due then; None if
    nothing is so soon, or one has been sent for already.
    """
    return tx.one(
        float,
        """
        with next as (
            select greatest(min(d.due_at), now() + interval '1 second') as at
            from webhook_deliveries d
            where d.workspace_id = %(workspace_id)s and d.endpoint_id = %(id)s
                and d.state = 'pending'
        ), planned as (
            select greatest(next.at, e.resting_until) as at
            from next, webhook_endpoints e
            where e.workspace_id = %(workspace_id)s and e.id = %(id)s and next.at is not null
        )
        update webhook_endpoints e set wake_at = planned.at from planned
        where e.workspace_id = %(workspace_id)s and e.id = %(id)s and e.enabled
            and planned.at <= now() + make_interval(secs => %(within_s)s)
            and (e.wake_at is null or e.wake_at <= now() or e.wake_at > planned.at)
        returning extract(epoch from e.wake_at - now())::float8
        """,
        id=endpoint_id,
        within_s=within_s,
    )


def note_success(tx: Tx, endpoint_id: UUID) -> None:
    """Something got through."""
    tx.run(
        """
        update webhook_endpoints set failing_since = null
        where workspace_id = %(workspace_id)s and id = %(id)s and failing_since is not null
        """,
        id=endpoint_id,
    )


def note_failure(tx: Tx, endpoint_id: UUID) -> None:
    """Something did not get through."""
    tx.run(
        """
        update webhook_endpoints set failing_since = now()
        where workspace_id = %(workspace_id)s and id = %(id)s and failing_since is null
        """,
        id=endpoint_id,
    )


def rest(tx: Tx, endpoint_id: UUID, seconds: float) -> None:
    """Leave a receiver alone for a while."""
    tx.run(
        """
        update webhook_endpoints
        set resting_until = greatest(resting_until, now() + make_interval(secs => %(seconds)s))
        where workspace_id = %(workspace_id)s and id = %(id)s
        """,
        id=endpoint_id,
        seconds=seconds,
    )


def disable(
    tx: Tx, endpoint_id: UUID, reason: Literal["gone", "failing"], *, failing_for_s: float
) -> Disabled | None:
    """Disable an endpoint that has failed for so long; its new version and URL. None if it has not,
    or is disabled already.
    """
    return tx.one(
        Disabled,
        """
        update webhook_endpoints set enabled = false, disabled_reason = %(reason)s,
            version = version + 1, updated_at = now()
        where workspace_id = %(workspace_id)s and id = %(id)s and enabled and deleted_at is null
            and (%(failing_for_s)s = 0
                or failing_since <= now() - make_interval(secs => %(failing_for_s)s))
        returning id, version, url
        """,
        id=endpoint_id,
        reason=reason,
        failing_for_s=failing_for_s,
    )
