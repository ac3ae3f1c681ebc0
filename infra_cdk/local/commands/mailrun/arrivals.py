"""Lets mails arrive at the Gmail side."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event

from infra_cdk.local.commands.mailrun.letters import Letter, sender
from infra_cdk.local.commands.mailrun.watching import Watcher
from infra_cdk.local.google.mailbox import ARRIVED, Mailbox, insert

_MAILBOXES_AT_ONCE = 4
_LONGEST_HOLD_S = 5.0
"""A mail that takes longer, since Gmail was told to fail, no longer holds the others back."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail that Gmail has acknowledged, `at` that moment (`time.monotonic()`)."""

    address: str
    letter: Letter
    at: float


@dataclass(frozen=True, slots=True)
class Delivery:
    """Mails on their way into mailboxes. `arrived` holds those that are there, by Gmail's id.

    With a `window`, a mailbox's next mail waits while so many of its mails are not final: the house
    is kept busy, and the time to visible is not that of an ever longer queue. With `seconds_apart`
    each mailbox's mails come at that pace, those of several mailboxes in turn.
    """

    boxes: Mapping[str, Mailbox]
    letters: Mapping[str, Sequence[Letter]]
    watcher: Watcher
    window: int | None = None
    seconds_apart: float = 0.0
    arrived: dict[str, Arrival] = field(default_factory=dict)
    cancelled: Event = field(default_factory=Event)

    def run(self) -> None:
        """Let all mails arrive, some mailboxes at a time, each in its order."""
        stagger = self.seconds_apart / len(self.letters)
        with ThreadPoolExecutor(_MAILBOXES_AT_ONCE) as pool:
            starts = [place * stagger for place in range(len(self.letters))]
            list(pool.map(self._fill, self.letters, starts))

    def _fill(self, address: str, start_after_s: float) -> None:
        self.cancelled.wait(start_after_s)
        mine: list[str] = []
        for letter in self.letters[address]:
            self._hold(mine)
            if self.cancelled.is_set():
                return
            mine.append(self._put(address, letter))
            self.cancelled.wait(self.seconds_apart)

    def _hold(self, mine: Sequence[str]) -> None:
        window = self.window
        if window is None:
            return
        seen = self.watcher.seen_at
        self.watcher.wait_for(
            lambda: self.cancelled.is_set() or sum(one not in seen for one in mine) < window,
            _LONGEST_HOLD_S,
        )

    def _put(self, address: str, letter: Letter) -> str:
        own = sender(letter)[1] == address
        provider_id = insert(self.boxes[address], letter.raw, labels=("SENT",) if own else ARRIVED)
        self.arrived[provider_id] = Arrival(address, letter, time.monotonic())
        return provider_id
