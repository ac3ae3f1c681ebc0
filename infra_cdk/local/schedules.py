"""EventBridge's schedule expressions, `rate(...)` and `cron(...)`, and when they are next due.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
All times are UTC. `L`, `W` and `#` of AWS's cron are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

_RATE = re.compile(r"rate\(([1-9]\d*) (minute|hour|day)(s?)\)")
_CRON = re.compile(r"cron\(([^()]*)\)")
_UNITS = {"minute": 60, "hour": 3600, "day": 86_400}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_YEARS_AHEAD = 8  # a 29 February is at most that far away


@dataclass(frozen=True, slots=True)
class Rate:
    """Due at every multiple of `seconds` since 1970, so that a restart does not put it off."""

    seconds: int

    def after(self, moment: datetime) -> datetime:
        """The first time it is due after `moment`."""
        multiple = int(moment.timestamp()) // self.seconds + 1
        return datetime.fromtimestamp(multiple * self.seconds, UTC)


@dataclass(frozen=True, slots=True)
class Cron:
    """Due at these minutes of these hours of these days. Weekdays: 1 is Sunday, as AWS counts."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    years: frozenset[int]

    def after(self, moment: datetime) -> datetime | None:
        """The first time it is due after `moment`; None if it is not within eight years."""
        moment = moment.astimezone(UTC)
        for ahead in range(366 * _YEARS_AHEAD):
            day = moment.date() + timedelta(days=ahead)
            if self._on(day):
                for at in self._times(day):
                    if at > moment:
                        return at
        return None

    def _on(self, day: date) -> bool:
        return (
            day.month in self.months
            and day.day in self.days
            and day.isoweekday() % 7 + 1 in self.weekdays
            and day.year in self.years
        )

    def _times(self, day: date) -> list[datetime]:
        return [
            datetime.combine(day, time(hour, minute), UTC)
            for hour in sorted(self.hours)
            for minute in sorted(self.minutes)
        ]


def parse_schedule(expression: str) -> Rate | Cron:
    """Read a schedule expression.

    Raises:
        ValueError: AWS would refuse it, or it uses what we do not support; the message says what.
    """
    if rate := _RATE.fullmatch(expression):
        value, unit, plural = int(rate[1]), rate[2], rate[3]
        if (value == 1) == bool(plural):
            raise ValueError(f"{expression}: AWS wants 'minute' after 1 and 'minutes' otherwise")
        return Rate(value * _UNITS[unit])
    if cron := _CRON.fullmatch(expression):
        return _parse_cron(expression, cron[1].split())
    raise ValueError(f"{expression!r} is neither rate(<n> minutes|hours|days) nor cron(...)")


def _parse_cron(expression: str, fields: list[str]) -> Cron:
    if len(fields) != 6:
        raise ValueError(f"{expression}: cron has minute, hour, day, month, weekday and year")
    if [fields[2], fields[4]].count("?") != 1:
        raise ValueError(f"{expression}: one of day and weekday must be '?', the other not")
    try:
        return Cron(
            _values(fields[0], 0, 59),
            _values(fields[1], 0, 23),
            _values(fields[2].replace("?", "*"), 1, 31),
            _values(_numbered(fields[3], _MONTHS), 1, 12),
            _values(_numbered(fields[4].replace("?", "*"), _DAYS), 1, 7),
            _values(fields[5], 1970, 2199),
        )
    except ValueError as error:
        raise ValueError(f"{expression}: {error}") from error


def _numbered(field: str, names: tuple[str, ...]) -> str:
    for number, name in enumerate(names, 1):
        field = re.sub(rf"\b{name}\b", str(number), field, flags=re.IGNORECASE)
    return field


def _values(field: str, low: int, high: int) -> frozenset[int]:
    """The numbers of a field: `*`, `5`, `1-5`, `*/10`, `0/15`, and lists of these."""
    found: set[int] = set()
    for part in field.split(","):
        read = re.fullmatch(r"(\*|(\d+)(?:-(\d+))?)(?:/([1-9]\d*))?", part)
        if read is None:
            raise ValueError(f"{part!r} is not supported; use numbers, names, * , - and /")
        whole, first, last, step = read.groups()
        start = low if whole == "*" else int(first)
        open_end = whole == "*" or (step and not last)
        end = high if open_end else int(last or first)
        if not low <= start <= end <= high:
            raise ValueError(f"{part!r} is not within {low}-{high}")
        found.update(range(start, end + 1, int(step or 1)))
    return frozenset(found)
