"""The sentences of what the sender wrote, with their places."""

from __future__ import annotations

import re
from collections.abc import Iterator

from functions.ai.local.people import GREETING
from functions.ai.local.reading import Piece, Reading, Region, lines, trimmed

MAX_PROSE = 4_000
MAX_SENTENCES = 60

# A sentence ends at its mark, at an empty line, before a list item; a lone line break joins.
_END = re.compile(
    r"[.!?]+[\"')\]»”]*(?=\s)|[?\uff1f؟。\uff01]+|\n[ \t\r]*\n|\n(?=[ \t]*(?:[-*•]|\d{1,2}[.)])\s)"
)


def sentences(reading: Reading) -> Iterator[Piece]:
    """Sentences of the first `MAX_PROSE` characters of the body, without its greeting."""
    body = reading.body
    at = _after_greeting(body)
    stop = min(len(body.text), at + MAX_PROSE)
    given = 0
    for found in [*_END.finditer(body.text, at, stop), None]:
        end = found.end() if found else stop
        piece = trimmed(body, at, end)
        at = end
        if piece.text:
            given += 1
            yield piece
        if given == MAX_SENTENCES:
            return


def _after_greeting(body: Region) -> int:
    first = next(lines(body, most=1), None)
    return first.end if first and GREETING.fullmatch(first.text) else 0
