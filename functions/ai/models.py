"""What AI says about one mail, as plain data, and the check every provider's answer must pass."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from events.email import Kind

MAX_VALUE = 200
MAX_QUOTE = 400
MAX_ENTITIES = 50

EntityKind = Literal["person", "company", "phone", "email", "job_title"]
Source = Literal["subject", "text", "signature", "sender_name", "sender_email"]
Sentiment = Literal["positive", "neutral", "negative"]
Intent = Literal["request", "proposal", "information", "scheduling", "complaint", "thanks", "other"]

# Control, bidirectional, zero-width and tag characters: they hide or reorder what a person reads.
HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_WORD = re.compile(r"\w+")


class AnalysisInvalid(ValueError):
    """The provider's answer does not have the agreed shape; try another provider."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MailText(_Frozen):
    """One mail as AI reads it: `text` is what the sender newly wrote, `signature` what closed it,
    as `shared.mail.split_reply` tells them apart.
    """

    subject: str = ""
    text: str = ""
    signature: str = ""
    sender_name: str = ""
    sender_email: str = ""
    kind: Kind = "human"
    date: datetime | None = None


class StoredMail(MailText):
    """A mail as it is read from the database."""

    id: UUID


class Span(_Frozen):
    """`quote` is `mail.<source>[start:end]`, character for character."""

    quote: str = Field(min_length=1, max_length=MAX_QUOTE)
    start: int = Field(ge=0)
    end: int = Field(gt=0)
    source: Source


class Entity(Span):
    """A value read from a mail: E.164 phones, lower-case addresses, names in reading order."""

    kind: EntityKind
    value: str = Field(min_length=1, max_length=MAX_VALUE)
    confidence: float = Field(ge=0, le=1)


class Analysis(_Frozen):
    """What a provider says about a mail. `truncated`: not all of the mail was read."""

    entities: tuple[Entity, ...] = ()
    sentiment: Sentiment = "neutral"
    sentiment_score: float = Field(default=0.0, ge=-1, le=1)
    intent: Intent = "other"
    reply_needed: bool = False
    reply_needed_reason: Span | None = None
    truncated: bool = False
    model: str
    provider: str


def plain(value: str) -> str:
    """The value on one line, without hidden characters, at most `MAX_VALUE` characters."""
    return " ".join(HIDDEN.sub("", value).split())[:MAX_VALUE].rstrip()


def grounded(analysis: Analysis, mail: MailText) -> Analysis:
    """The analysis without anything the mail does not say.

    An entity stays only if its quote stands in its source at its offsets, hides no characters, and
    its value follows from the quote. A reply is needed only if the sentence asking for it stands.
    """
    kept = [entity for entity in analysis.entities if _stands(entity, mail) and _follows(entity)]
    reason = analysis.reply_needed_reason
    if reason is None or not analysis.reply_needed or not _stands(reason, mail):
        reason = None
    update: dict[str, JsonValue | object] = {
        "entities": tuple(kept[:MAX_ENTITIES]),
        "reply_needed": reason is not None,
        "reply_needed_reason": reason,
    }
    return analysis.model_copy(update=update)


def _stands(span: Span, mail: MailText) -> bool:
    source: str = getattr(mail, span.source)
    return source[span.start : span.end] == span.quote and not HIDDEN.search(span.quote)


def _follows(entity: Entity) -> bool:
    if entity.value != plain(entity.value):
        return False
    if entity.kind == "email":
        return entity.value == entity.quote.lower()
    if entity.kind == "phone":
        return _same_number(entity.value, entity.quote)
    said = set(_WORD.findall(entity.quote.casefold()))
    return all(word in said for word in _WORD.findall(entity.value.casefold()))


def _same_number(value: str, quote: str) -> bool:
    """Whether the digits after a country code of 1 to 3 digits are the ones that were written."""
    digits = value.removeprefix("+")
    if not value.startswith("+") or not (digits.isascii() and digits.isdigit()):
        return False
    written = "".join(str(int(c)) for c in quote.replace("(0)", "") if c.isdecimal())
    return any(len(digits) - k >= 4 and written.endswith(digits[k:]) for k in (1, 2, 3))
