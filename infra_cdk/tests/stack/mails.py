"""Mails as people write them, each different from every other."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from infra_cdk.tests.stack.team import BUYERS

_numbers = itertools.count(1)


def batch(count: int) -> list[bytes]:
    """New mails, every second one from a buyer."""
    return [mail(buyer=number % 2 == 0) for number in range(count)]


def mail(*, buyer: bool = True, subject: str = "", body: str = "", old: bool = False) -> bytes:
    """A new mail; an `old` one was there before any mailbox was connected."""
    number = next(_numbers)
    domain = BUYERS if buyer else "elsewhere.example"
    # The stand-in takes it for the time of arrival, which must not seem to be before the mailbox
    # was connected.
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=-9_999 if old else 1))
    lines = (
        f"From: Bea Marlow <bea.marlow@{domain}>\r\n"
        "To: Team <team@acme.example>\r\n"
        f"Message-ID: <{number}.8f2c@{domain}>\r\n"
        f"Date: {date}\r\n"
        f"Subject: {subject or f'Quote for {number} seats'}\r\n"
        "\r\n"
        f"{body or f'Hello, could you send us a quote for {number} seats by Friday?'}\r\n"
        "\r\n"
        "-- \r\n"
        "Bea Marlow\r\n"
        "Head of Procurement, Marlow & Finch Ltd\r\n"
        "+44 20 7946 0123\r\n"
    )
    return lines.encode()
