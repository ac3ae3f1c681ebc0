"""E-mail addresses written in a mail."""

from __future__ import annotations

import re
from collections.abc import Iterator

from functions.ai.local.reading import Reading, entity, trimmed
from functions.ai.models import Entity

# Lengths as RFC 5321 §4.5.3.1 allows them; the look-behind keeps the search linear.
_EMAIL = re.compile(
    r"(?<![\w.+\-%@])[A-Za-z0-9][\w.+\-%']{0,63}@(?:[A-Za-z0-9\-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w@])",
    re.ASCII,
)


def find_addresses(reading: Reading) -> Iterator[Entity | None]:
    for region in reading.regions:
        for found in _EMAIL.finditer(region.text):
            piece = trimmed(region, found.start(), found.end())
            yield entity(piece, "email", 0.98, piece.text.lower())
