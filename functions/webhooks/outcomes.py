"""What follows from how a request went: done, given up, or tried again, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from functions.webhooks.models import Attempt, State

RATE = 25
"""Requests a second to one endpoint, and at once."""
_WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
"""The waits after the first, the second … attempt: those of the specification's table."""
MOST_ATTEMPTS = len(_WAITS) + 1
_JITTER = 0.2
LONGEST_REST = timedelta(hours=1)
"""As long as a receiver may ask us to wait."""
_REST = timedelta(minutes=1)


class Held(BaseModel):
    """An endpoint that a sender holds, and how many requests it may send now."""

    model_config = ConfigDict(frozen=True)

    url: str
    secrets: tuple[bytes, ...] = Field(repr=False)
    allowance: int


class Claimed(BaseModel):
    """A delivery that a sender has taken. `claim` is the sender's right to say how it went."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    event_id: UUID
    body: str
    attempts: int
    claim: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a claimed delivery.

    `wait` is until the next attempt, `rest` how long to leave the receiver alone. What was not
    `counted` was no attempt: it is put back.
    """

    delivery: Claimed
    state: State
    reason: str | None = None
    wait: timedelta = timedelta()
    rest: timedelta | None = None
    counted: bool = True
    attempt: Attempt | None = None

    @property
    def is_gone(self) -> bool:
        return self.attempt is not None and self.attempt.status == 410


def judge(
    delivery: Claimed, attempt: Attempt, retry_after: timedelta | None, jitter: float
) -> Outcome:
    """What follows from an attempt; `jitter` is between 0 and 1."""
    status = attempt.status
    if status is not None and 200 <= status < 300:
        return Outcome(delivery, "delivered", attempt=attempt)
    reason = attempt.error or f"status_{status}"
    if status == 410 or delivery.attempts >= MOST_ATTEMPTS:
        return Outcome(delivery, "failed", reason, attempt=attempt)
    rest = _rest(status, retry_after)
    wait = max(_WAITS[delivery.attempts - 1] * (1 + _JITTER * jitter), rest or timedelta())
    return Outcome(delivery, "pending", reason, wait, rest, attempt=attempt)


def _rest(status: int | None, retry_after: timedelta | None) -> timedelta | None:
    if status in (429, 503) and retry_after is not None:
        return min(retry_after, LONGEST_REST)
    return _REST if status == 429 else None
