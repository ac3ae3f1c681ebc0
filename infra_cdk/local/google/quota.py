"""Gmail's quota per user: units a minute, and what each method costs.

Source: developers.google.com/workspace/gmail/api/reference/quota (projects made from May 2026).
"""

import re
from dataclasses import dataclass, field

UNITS_PER_MINUTE = 6000

# Putting mail into a mailbox stands for the world sending it, which no quota counts: 0.
COSTS: tuple[tuple[str, str, int], ...] = (
    ("POST", r"messages(/import)?", 0),
    ("GET", r"messages", 5),
    ("GET", r"messages/[^/]+", 20),
    ("GET", r"threads/[^/]+", 40),
    ("GET", r"history", 2),
    ("GET", r"(profile|labels)", 1),
    ("POST", r"(messages|drafts)/send", 100),
    ("POST", r"watch", 100),
    ("POST", r"stop", 50),
    ("POST", r"drafts", 10),
)
OTHER_COST = 5
_COMPILED = tuple((method, re.compile(path), cost) for method, path, cost in COSTS)


def cost(method: str, path: str) -> int:
    """Units of one call; `path` is what follows `/gmail/v1/users/{userId}/`."""
    for wanted, pattern, units in _COMPILED:
        if method == wanted and pattern.fullmatch(path):
            return units
    return OTHER_COST


@dataclass(slots=True)
class Quota:
    """One token bucket per mailbox, full at first; off while `units_per_minute` is None."""

    units_per_minute: int | None = None
    spent: dict[str, tuple[float, float]] = field(default_factory=dict)

    def set_rate(self, units_per_minute: int | None) -> None:
        self.units_per_minute = units_per_minute
        self.spent.clear()

    def seconds_to_wait(self, mailbox: str, units: int, now: float) -> float:
        """Takes the units and answers 0, or takes nothing and says when they will be there."""
        if self.units_per_minute is None or units == 0:
            return 0.0
        rate = self.units_per_minute / 60
        level, since = self.spent.get(mailbox, (0.0, now))
        level = max(0.0, level - (now - since) * rate)
        over = level + units - self.units_per_minute
        if over > 0:
            return over / rate
        self.spent[mailbox] = (level + units, now)
        return 0.0
