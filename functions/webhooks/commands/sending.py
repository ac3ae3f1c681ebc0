"""What a sender does: take what is due, write down how it went, let go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal
from uuid import UUID

from functions.webhooks import queries, store
from functions.webhooks.commands.disabling import emit_disabled
from functions.webhooks.outcomes import Claimed, Held, Outcome
from shared.db import Tx
from shared.telling import told_types

_PATIENCE = timedelta(days=5)
_LEASE_S = 180
"""For how long a sender has what it took: more than its function's timeout."""
_WAKE_WITHIN_S = 900
"""SQS delays a message so long; for what is later there is the schedule."""


def take(tx: Tx, endpoint_id: UUID, holder: UUID) -> tuple[Held, list[Claimed]] | None:
    """Take what may be sent to an endpoint now; None where it is not for this sender to send."""
    held = store.hold(tx, endpoint_id, holder, lease_s=_LEASE_S)
    if held is None:
        return None
    listener = queries.find_listener(tx, endpoint_id)
    if listener is not None:
        store.give_up_unreadable(tx, listener, told_types(listener.access))
    claimed = store.claim(tx, endpoint_id, most=held.allowance, lease_s=_LEASE_S)
    if claimed:
        store.spend(tx, endpoint_id, len(claimed))
    return held, sorted(claimed, key=lambda one: one.event_id)


def settle(tx: Tx, endpoint_id: UUID, outcomes: Sequence[Outcome]) -> None:
    """Write down how deliveries went, and what follows for their endpoint.

    One that is gone is disabled at once; one that has failed for days, when a delivery to it has
    used up all its attempts.
    """
    store.settle(tx, outcomes)
    if any(one.state == "delivered" for one in outcomes):
        store.note_success(tx, endpoint_id)
    elif any(one.attempt for one in outcomes):
        store.note_failure(tx, endpoint_id)
    rest = max((one.rest for one in outcomes if one.rest), default=None)
    if rest is not None:
        store.rest(tx, endpoint_id, rest.total_seconds())
    if any(one.is_gone for one in outcomes):
        _disable(tx, endpoint_id, "gone", timedelta())
    elif any(one.state == "failed" for one in outcomes):
        _disable(tx, endpoint_id, "failing", _PATIENCE)


def let_go(tx: Tx, endpoint_id: UUID, holder: UUID) -> float | None:
    """End a sender's hold; in how many seconds another one is to be sent for, if at all.

    Looks for what is due after the hold has ended: whoever recorded something meanwhile has found
    the endpoint held, and gone away.
    """
    store.release(tx, endpoint_id, holder)
    return store.plan_wake(tx, endpoint_id, within_s=_WAKE_WITHIN_S)


def _disable(
    tx: Tx, endpoint_id: UUID, reason: Literal["gone", "failing"], failing_for: timedelta
) -> None:
    seconds = failing_for.total_seconds()
    disabled = store.disable(tx, endpoint_id, reason, failing_for_s=seconds)
    if disabled is not None:
        emit_disabled(tx, disabled, reason)
