"""Sending for a sender. That it fails is no harm: the schedule does it within a minute."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from functions.webhooks.models import due_message
from shared.log import logger
from shared.queues import LONGEST_DELAY_S, send


def wake(workspace_id: UUID, endpoint_ids: Iterable[UUID]) -> None:
    """Have what is due at endpoints sent, now. Called after the commit that made it due."""
    messages = [due_message(workspace_id, one) for one in sorted(endpoint_ids)]
    try:
        send("webhook-sends", messages)
    except Exception:
        logger.exception("senders wait for the schedule", metadata={"endpoints": len(messages)})


def wake_later(workspace_id: UUID, endpoint_id: UUID, seconds: float) -> None:
    """Have what will be due at an endpoint sent then, in at most a quarter of an hour."""
    delay_s = min(math.ceil(max(seconds, 0)), LONGEST_DELAY_S)
    message = replace(due_message(workspace_id, endpoint_id), delay_s=delay_s)
    try:
        send("webhook-sends", [message])
    except Exception:
        logger.exception("a sender waits for the schedule")
