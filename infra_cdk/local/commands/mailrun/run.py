"""One measured run: mails arrive, and are followed until nothing is left to happen about them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from infra_cdk.local.commands.mailrun.arrivals import Arrival, Delivery
from infra_cdk.local.commands.mailrun.cpu import (
    difference,
    functions_cpu,
    invocations,
    services_cpu,
)
from infra_cdk.local.commands.mailrun.watching import Counts
from infra_cdk.local.stack import Stack

_LOOK_EVERY_S = 0.5
_LOOK_AT_THE_END_EVERY_S = 0.1
"""Counting everything costs the database milliseconds, so it is done often only when it matters."""

_NEARLY = 100
_STANDSTILL_S = 150.0
"""With no progress for so long, none is to come: the schedules have had their turn twice."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run. Times are seconds; `waits` are those of stored mails from Gmail's
    acknowledgement to their being visible. `functions_cpu` has those functions that were invoked.
    `missing` is empty when all has happened.
    """

    mails: int
    arrived: dict[str, Arrival]
    counts: Counts
    seconds: float
    waits: tuple[float, ...]
    functions_cpu: dict[str, float]
    services_cpu: dict[str, float]
    missing: str

    @property
    def mails_per_minute(self) -> float:
        return self.mails / self.seconds * 60 if self.seconds else 0.0

    @property
    def cpu_ms_per_mail(self) -> float:
        """Of the functions alone."""
        return self.per_mail(sum(self.functions_cpu.values()))

    def per_mail(self, cpu_s: float) -> float:
        """Milliseconds a mail."""
        return cpu_s * 1000 / self.mails if self.mails else 0.0

    def visible_ms(self, percent: float) -> float:
        return percentile(self.waits, percent) * 1000


def run(
    stack: Stack,
    delivery: Delivery,
    show: Callable[[int, Counts], None],
    nudge: Callable[[], None] = lambda: None,
) -> Outcome:
    """Deliver, and return when all is settled, or nothing has moved for long.

    `show` is told now and then how many arrived and what became of them; `nudge` is called too.
    """
    watcher = delivery.watcher
    mails = sum(len(letters) for letters in delivery.letters.values())
    functions, services = functions_cpu(stack), services_cpu(stack)
    invoked = invocations(stack)
    began = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        delivering = pool.submit(delivery.run)
        try:
            counts, ended = _follow(delivery, delivering, mails, show, nudge)
        finally:
            delivery.cancelled.set()
    delivering.result()
    seen = watcher.seen_at
    invoked = difference(invocations(stack), invoked)
    spent = difference(functions_cpu(stack), functions)
    return Outcome(
        mails=mails,
        arrived=delivery.arrived,
        counts=counts,
        seconds=ended - began,
        waits=tuple(
            max(0.0, seen[one] - arrival.at)
            for one, arrival in delivery.arrived.items()
            if one in watcher.stored
        ),
        functions_cpu={name: cpu for name, cpu in spent.items() if cpu or invoked[name]},
        services_cpu=difference(services_cpu(stack), services),
        missing=counts.missing(mails),
    )


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest rank: the smallest value that so many percent do not exceed; 0 of none."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)] if ranked else 0.0


def _follow(
    delivery: Delivery,
    delivering: Future[None],
    mails: int,
    show: Callable[[int, Counts], None],
    nudge: Callable[[], None],
) -> tuple[Counts, float]:
    """Where the mails are at last, and when that was."""
    last, moved_at = (0, Counts()), time.monotonic()
    while True:
        counts, now = delivery.watcher.counts(), time.monotonic()
        arrived = len(delivery.arrived)
        show(arrived, counts)
        if delivering.done() and (delivering.exception() or counts.settled(mails)):
            return counts, now
        if (arrived, counts) != last:
            last, moved_at = (arrived, counts), now
        if now - moved_at > _STANDSTILL_S:
            return counts, now
        nudge()
        nearly_done = len(delivery.watcher.seen_at) >= mails - _NEARLY
        time.sleep(_LOOK_AT_THE_END_EVERY_S if nearly_done else _LOOK_EVERY_S)
