"""The Date field, in the one form nearly all mail uses and in the forms the rest uses."""

import re
from datetime import UTC, datetime, timedelta, timezone

_NAMES = "jan feb mar apr may jun jul aug sep oct nov dec"
_MONTHS = {name: index for index, name in enumerate(_NAMES.split(), 1)}
_USUAL = re.compile(
    r"\s*(?:[A-Za-z]{3},?)?\s*(\d{1,2})\s+([A-Za-z]{3})\s+(\d{4})\s+"
    r"(\d{1,2}):(\d{2})(?::(\d{2}))?\s*([+-])(\d{2})(\d{2})\b",
    re.ASCII,
)


def parse_date(text: str) -> datetime | None:
    """The moment in UTC, or None where there is none or it is outside 1970 to 2100."""
    text = text[:200]
    try:
        moment = _usual(text) or _other(text)
        if moment is None:
            return None
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None  # no such day, or parsedate_tz tripping over odd input
    return moment if 1970 <= moment.year <= 2100 else None


def _usual(text: str) -> datetime | None:
    found = _USUAL.match(text)
    month = _MONTHS.get(found.group(2).lower()) if found else None
    if found is None or month is None:
        return None
    day, year, hour, minute, second = (int(found.group(i) or 0) for i in (1, 3, 4, 5, 6))
    offset = timedelta(hours=int(found.group(8)), minutes=int(found.group(9)))
    if found.group(7) == "-":
        offset = -offset
    if abs(offset) >= timedelta(hours=24):
        offset = timedelta(0)
    return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=timezone(offset))


def _other(text: str) -> datetime | None:
    from email.utils import parsedate_tz

    parts = parsedate_tz(text)
    if parts is None:
        return None
    year, month, day, hour, minute, second = parts[:6]
    offset = timedelta(seconds=parts[9] or 0)
    if abs(offset) >= timedelta(hours=24):
        offset = timedelta(0)
    return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=timezone(offset))
