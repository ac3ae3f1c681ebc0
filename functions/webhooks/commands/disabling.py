"""Disabling endpoints that nobody asked to disable."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from events.auth import EmailVerified
from events.envelope import Event
from events.webhooks import WebhookEndpointDisabled
from functions.webhooks import store
from functions.webhooks.models import Disabled, host_of
from shared.db import Tx


def disable_unconfirmed(tx: Tx, events: Iterable[Event]) -> None:
    """Disable the endpoints of members whose address was confirmed just now by resetting their
    password: until then, another may have been in, who had signed up with it.
    """
    for event in events:
        if isinstance(event, EmailVerified) and event.by == "password_reset":
            for disabled in store.disable_of(tx, event.aggregate_id, before=event.at):
                emit_disabled(tx, disabled, "unconfirmed")


def emit_disabled(
    tx: Tx, disabled: Disabled, reason: Literal["gone", "failing", "unconfirmed"]
) -> None:
    """Tell that nothing is sent to an endpoint any more."""
    tx.emit(
        WebhookEndpointDisabled(
            **tx.envelope(disabled.id, disabled.version), host=host_of(disabled.url), reason=reason
        )
    )
