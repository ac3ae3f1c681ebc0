"""Faults on demand: rules that say which request or push goes wrong, how, and how often.

Rules are tried in order; latencies add up, the first other fault wins. With a seed, the same
requests in the same order meet the same faults.
"""

import random
import re
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

RequestKind = Literal["status", "latency", "truncate", "reset", "expired_history"]
PushKind = Literal["push_drop", "push_duplicate", "push_reorder", "push_number"]


class Fault(BaseModel):
    """One rule: what it matches, how often it fires, and what then happens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: RequestKind | PushKind
    method: str | None = None
    path: str | None = None  # regular expression, searched in the path with its query
    mailbox: str | None = None
    skip: int = 0  # let this many matches through first
    count: int | None = None  # fire at most this often
    probability: float = 1.0
    status: int = 503
    reason: str | None = None
    message: str | None = None
    retry_after: float | None = None  # seconds from now
    retry_as: Literal["seconds", "date", "message"] = "seconds"
    seconds: float = 0.0  # of latency
    below: str | None = None  # history ids under it are expired; None: all but the current one


@dataclass(slots=True)
class Rule:
    fault: Fault
    pattern: re.Pattern[str] | None
    matched: int = 0
    injected: int = 0

    def fits(self, method: str, path: str, mailbox: str) -> bool:
        fault = self.fault
        return (
            fault.method in (None, method)
            and fault.mailbox in (None, mailbox)
            and (self.pattern is None or self.pattern.search(path) is not None)
        )

    def fires(self, rng: random.Random) -> bool:
        fault = self.fault
        self.matched += 1
        if self.matched <= fault.skip or (fault.count is not None and self.injected >= fault.count):
            return False
        if fault.probability < 1.0 and rng.random() >= fault.probability:
            return False
        self.injected += 1
        return True

    def report(self) -> dict[str, Any]:
        return {
            **self.fault.model_dump(exclude_defaults=True),
            "matched": self.matched,
            "injected": self.injected,
        }


@dataclass(slots=True)
class Faults:
    rules: list[Rule] = field(default_factory=list)
    rng: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311 - repeatable

    def add(self, faults: list[Fault], seed: int | None = None) -> None:
        compiled = [Rule(f, re.compile(f.path) if f.path else None) for f in faults]
        if seed is not None:
            self.rng.seed(seed)
        self.rules.extend(compiled)

    def clear(self) -> None:
        self.rules.clear()
        self.rng.seed(0)

    def report(self) -> list[dict[str, Any]]:
        return [rule.report() for rule in self.rules]

    def for_request(self, method: str, path: str, mailbox: str) -> list[Fault]:
        """What happens to this request: any latencies, then at most one other fault.

        Not `expired_history`: that needs the mailbox's current history id, see `expires`.
        """
        found: list[Fault] = []
        for rule in self.rules:
            kind = rule.fault.kind
            if kind.startswith("push_") or kind == "expired_history":
                continue
            if rule.fits(method, path, mailbox) and rule.fires(self.rng):
                found.append(rule.fault)
                if kind != "latency":
                    break
        return found

    def may_expire(self, mailbox: str) -> bool:
        return any(
            rule.fault.kind == "expired_history" and rule.fault.mailbox in (None, mailbox)
            for rule in self.rules
        )

    def expires(self, mailbox: str, path: str, start: int, current: int) -> bool:
        """Whether a rule makes the cursor `start` too old; the current id is always good."""
        for rule in self.rules:
            if rule.fault.kind != "expired_history" or not rule.fits("GET", path, mailbox):
                continue
            below = int(rule.fault.below) if rule.fault.below else current
            if start < min(below, current) and rule.fires(self.rng):
                return True
        return False

    def for_push(self, mailbox: str) -> set[str]:
        return {
            rule.fault.kind
            for rule in self.rules
            if rule.fault.kind.startswith("push_")
            and rule.fits("POST", "", mailbox)
            and rule.fires(self.rng)
        }
