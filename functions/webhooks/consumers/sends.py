"""The queue `webhook-sends`: sending what is due at an endpoint.

A message is only a hint; the deliveries say what there is to do. One sender at a time works on an
endpoint, so at most 25 requests a second go there, ten at once. While a request is under way no
transaction is open. What a receiver was sent and we could not write down, because the sender died
in between, is sent again: at least once, with the same `webhook-id`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from functions.webhooks import commands
from functions.webhooks.models import Attempt, DueEndpoint
from functions.webhooks.outcomes import MOST_ATTEMPTS, Claimed, Outcome, judge
from functions.webhooks.posting import outside, post
from functions.webhooks.signatures import signed_headers
from functions.webhooks.waking import wake_later
from shared.db import transaction
from shared.encryption import DataKey, data_key
from shared.log import about
from shared.outbound.requests import Outside
from shared.runtime import Messages

ACTOR = "system:webhooks"
_AT_ONCE = 10
_BUDGET_S = 20.0
"""After that nothing new is taken: what was taken last may need most of the function's time."""


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """Where to send, and what to sign with."""

    way: Outside
    workspace_id: UUID
    id: UUID
    url: str
    secrets: tuple[str, ...]


def send_due(messages: Sequence[DueEndpoint]) -> None:
    """Send what is due at an endpoint, as much as may be sent now."""
    workspace_id, endpoint_id = messages[0].workspace_id, messages[0].endpoint_id
    about(workspace_id=workspace_id)
    key, holder, way = data_key(workspace_id), uuid4(), outside()
    deadline = time.monotonic() + _BUDGET_S
    held = False
    while time.monotonic() < deadline:
        with transaction(workspace_id, actor=ACTOR) as tx:
            taken = commands.take(tx, endpoint_id, holder)
        held = held or taken is not None
        if taken is None or not taken[1]:
            break
        found, claimed = taken
        secrets = tuple(_unsealed(key, found.secrets))
        _send(_Endpoint(way, workspace_id, endpoint_id, found.url, secrets), claimed)
    if held:
        _let_go(workspace_id, endpoint_id, holder)


def _let_go(workspace_id: UUID, endpoint_id: UUID, holder: UUID) -> None:
    with transaction(workspace_id, actor=ACTOR) as tx:
        again_s = commands.let_go(tx, endpoint_id, holder)
    if again_s is not None:
        wake_later(workspace_id, endpoint_id, again_s)


def _unsealed(key: DataKey, secrets: Iterable[bytes]) -> Iterable[str]:
    return (key.unseal(one, column=commands.SEALED_FOR) for one in secrets)


def _send(endpoint: _Endpoint, claimed: Sequence[Claimed]) -> None:
    """Send what was taken, and write down how it went as soon as that is known.

    Where the receiver says that it is gone, or wants a pause, what has not begun is put back.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        under_way = {pool.submit(_attempt, endpoint, one): one for one in claimed}
        while under_way:
            done, _ = wait(under_way, return_when=FIRST_COMPLETED)
            outcomes = [future.result() for future in done]
            if any(one.is_gone or one.rest for one in outcomes):
                stopped = [future for future in under_way if future.cancel()]
                outcomes += [_put_back(under_way.pop(future)) for future in stopped]
            for future in done:
                del under_way[future]
            with transaction(endpoint.workspace_id, actor=ACTOR) as tx:
                commands.settle(tx, endpoint.id, outcomes)


def _attempt(endpoint: _Endpoint, delivery: Claimed) -> Outcome:
    """Make one request. Runs beside others, so it must leave the database alone."""
    if delivery.attempts > MOST_ATTEMPTS:
        return Outcome(delivery, "failed", "interrupted", counted=False)
    at = datetime.now(UTC)
    body = delivery.body.encode()
    headers = signed_headers(endpoint.secrets, str(delivery.event_id), int(at.timestamp()), body)
    reply = post(endpoint.way, endpoint.url, headers, body)
    error = reply.error
    if reply.status is not None and 300 <= reply.status < 400:
        error = "redirect"
    attempt = Attempt(
        at=at,
        duration_ms=reply.duration_ms,
        status=reply.status,
        error=error,
        response=reply.text,
    )
    asked = None if reply.retry_after_s is None else timedelta(seconds=reply.retry_after_s)
    return judge(delivery, attempt, asked, random.random())  # noqa: S311 -- no secret


def _put_back(delivery: Claimed) -> Outcome:
    return Outcome(delivery, "pending", counted=False)


handler = Messages(
    DueEndpoint, send_due, together=lambda message: (message.workspace_id, message.endpoint_id)
).handler
