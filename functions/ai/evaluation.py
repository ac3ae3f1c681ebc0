"""How well a provider reads mails whose answers are known."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from functions.ai.gateway import Provider, analyze_mail
from functions.ai.models import Analysis, EntityKind, MailText
from shared.mail import Address, split_reply

# What the consumer would suggest to a person; a greeted first name or a fax is below.
SUGGESTED = 0.4


@dataclass(frozen=True, slots=True)
class Case:
    """`expect` holds every entity kind as a list of values, and `intent`, `reply_needed`,
    `sentiment`."""

    id: str
    set: str
    mail: MailText
    expect: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """`right` of `found` answers are right; `expected` were to be found."""

    task: str
    expected: int
    found: int
    right: int

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.expected if self.expected else 1.0


def load_cases(path: Path) -> tuple[Case, ...]:
    """Cases from a JSON list of `{id, set, mail, expect}`.

    `mail.text` is all that was written; as in a stored mail its signature is taken apart.
    """
    return tuple(
        Case(row["id"], row["set"], _as_stored(MailText.model_validate(row["mail"])), row["expect"])
        for row in json.loads(path.read_text(encoding="utf-8"))
    )


def _as_stored(mail: MailText) -> MailText:
    text, signature = split_reply(mail.text, Address(mail.sender_name, mail.sender_email))
    return mail.model_copy(update={"text": text, "signature": signature})


def evaluate(cases: Sequence[Case], provider: Provider) -> tuple[Row, ...]:
    """One row for each entity kind and for intent, reply needed and sentiment."""
    counts: Counter[tuple[str, str]] = Counter()
    for case in cases:
        analysis = analyze_mail(case.mail, provider).analysis
        for task, expected, found in _answers(case, analysis):
            counts[task, "expected"] += len(expected)
            counts[task, "found"] += len(found)
            counts[task, "right"] += len(expected & found)
    tasks = [*get_args(EntityKind), "intent", "reply_needed", "sentiment"]
    return tuple(
        Row(task, *(counts[task, column] for column in ("expected", "found", "right")))
        for task in tasks
    )


def _answers(case: Case, analysis: Analysis) -> list[tuple[str, set[str], set[str]]]:
    """(task, expected, found). A reply counts where one is needed, a feeling where it is clear."""
    answers = [
        (kind, set(case.expect[kind]), _suggested(analysis, kind)) for kind in get_args(EntityKind)
    ]
    answers.append(("intent", {case.expect["intent"]}, {analysis.intent}))
    wanted, said = case.expect["reply_needed"], analysis.reply_needed
    answers.append(("reply_needed", {"yes"} if wanted else set(), {"yes"} if said else set()))
    felt = {case.expect["sentiment"]} - {"neutral"}
    answers.append(("sentiment", felt, {analysis.sentiment} - {"neutral"}))
    return answers


def _suggested(analysis: Analysis, kind: str) -> set[str]:
    return {
        entity.value
        for entity in analysis.entities
        if entity.kind == kind and entity.confidence >= SUGGESTED
    }


def table(rows: Sequence[Row]) -> str:
    """The rows as lines of text, one task a line."""
    head = f"{'task':<13} {'expected':>8} {'found':>6} {'right':>6} {'precision':>10} {'recall':>7}"
    body = [
        f"{row.task:<13} {row.expected:>8} {row.found:>6} {row.right:>6}"
        f" {row.precision:>10.2f} {row.recall:>7.2f}"
        for row in rows
    ]
    return "\n".join([head, *body])
