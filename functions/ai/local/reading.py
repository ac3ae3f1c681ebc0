"""A mail prepared for the rules: bounded, quoted lines and URLs blanked.

Blanking replaces characters by spaces, so every offset still counts in the mail's own field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from events.email import Kind
from functions.ai.models import (
    HIDDEN,
    MAX_QUOTE,
    Entity,
    EntityKind,
    MailText,
    Source,
    Span,
    plain,
)

MAX_TEXT = 20_000
MAX_SIGNATURE = 4_000
MAX_HEADER = 1_000

_BLANK = re.compile(
    r"(?:https?://|www\.)[^\s<>\"]{1,2000}|^[ \t]*>.*|^--- ?\w[\w ]* ?---.*", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Region:
    """One field of the mail; `text` is `field`, blanked and cut to its limit."""

    source: Source
    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A mail within its limits."""

    kind: Kind
    sender_name: str
    sender_email: str
    subject: Region
    body: Region
    signature: Region
    truncated: bool

    @property
    def regions(self) -> tuple[Region, ...]:
        return (self.signature, self.body, self.subject)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of one line, without the white space around it; offsets count in the field."""

    region: Region
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def read(mail: MailText) -> Reading:
    """Cut the mail into what the rules read; what lies past the limits is not read."""
    text = _blanked(mail.text[:MAX_TEXT])
    signature = _blanked(mail.signature[:MAX_SIGNATURE])
    subject = mail.subject[:MAX_HEADER]
    sender_name, sender_email = mail.sender_name[:MAX_HEADER], mail.sender_email[:MAX_HEADER]
    return Reading(
        kind=mail.kind,
        sender_name=sender_name,
        sender_email=sender_email,
        subject=Region("subject", subject, subject),
        body=Region("text", mail.text, text),
        signature=Region("signature", mail.signature, signature),
        truncated=(
            len(mail.text) > MAX_TEXT
            or len(mail.signature) > MAX_SIGNATURE
            or len(mail.subject) > MAX_HEADER
        ),
    )


def lowered(text: str) -> str:
    """Lower case of the same length (only İ would grow): offsets count in both.

    Patterns of many phrases are written in lower case and searched here, which is several times
    faster than ignoring case while matching.
    """
    return text.replace("İ", "i").lower()


def _blanked(text: str) -> str:
    return _BLANK.sub(lambda found: " " * len(found[0]), text)


def lines(region: Region, most: int = 40) -> Iterator[Piece]:
    """The first `most` lines of the region that are not empty."""
    at, seen = 0, 0
    while at < len(region.text) and seen < most:
        stop = region.text.find("\n", at)
        stop = len(region.text) if stop < 0 else stop
        piece = trimmed(region, at, stop)
        if piece.text:
            seen += 1
            yield piece
        at = stop + 1


def trimmed(region: Region, start: int, end: int) -> Piece:
    """The piece from `start` to `end` without white space and loose punctuation around it."""
    raw = region.text[start:end]
    left = raw.lstrip(" \t\r\n\xa0*_|,;:•·-\u2013—\"'“”„<>")
    inner = left.rstrip(" \t\r\n\xa0*_|,;:•·-\u2013—\"'“”„<>")
    return Piece(region, inner, start + len(raw) - len(left))


def entity(
    piece: Piece, kind: EntityKind, confidence: float, value: str | None = None
) -> Entity | None:
    """The piece as an entity, or None where it is too long or has nothing plain to say."""
    clean = plain(piece.text if value is None else value)
    if not clean or len(piece.text) > MAX_QUOTE:
        return None
    return Entity(
        kind=kind,
        value=clean,
        quote=piece.region.field[piece.start : piece.end],
        start=piece.start,
        end=piece.end,
        source=piece.region.source,
        confidence=confidence,
    )


def span(piece: Piece) -> Span:
    """The piece as a quote: its longest stretch without hidden characters, cut to the limit."""
    said = piece.region.field[piece.start : piece.end]
    edges = [0, *(at for found in HIDDEN.finditer(said) for at in found.span()), len(said)]
    start, end = max(
        zip(edges[::2], edges[1::2], strict=True), key=lambda stretch: stretch[1] - stretch[0]
    )
    quote = said[start:end][:MAX_QUOTE]
    at = piece.start + start
    return Span(quote=quote, start=at, end=at + len(quote), source=piece.region.source)
