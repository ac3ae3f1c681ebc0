"""Texts with {field} placeholders.

Everything between a pair of braces is a placeholder; a brace without its partner is a brace. What a
field says is put in as it is and never read for placeholders again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import cast

from shared.text import one_line

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def placeholders(template: str) -> list[str]:
    """The fields a text asks for."""
    return _PLACEHOLDER.findall(template)


def fill(template: str, record: Mapping[str, object], *, longest: int) -> str:
    """The text with the record's values, cut to `longest` characters; `unknown` for nothing."""
    filled = _PLACEHOLDER.sub(lambda found: _shown(record.get(found[1])), template)
    return filled if len(filled) <= longest else f"{filled[: longest - 1]}…"


def _shown(value: object) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M UTC")
    if isinstance(value, tuple):
        return _shown(", ".join(map(str, cast("tuple[object, ...]", value))))
    return one_line(str(value)) or "unknown"
