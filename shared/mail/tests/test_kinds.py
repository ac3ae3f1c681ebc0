"""What sort of mail a mail is."""

from typing import get_args

import pytest

from events import email
from shared.mail import Kind, parse

REPORT = b"""From: Mail Delivery System <MAILER-DAEMON@x.org>
Auto-Submitted: auto-replied
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

failed
--b
Content-Type: message/delivery-status

Action: failed
--b--
"""


def headers(*lines: str) -> bytes:
    return "\n".join(["From: Jane <jane@example.com>", *lines, "", "text"]).encode()


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (headers(), "human"),
        (headers("Subject: Out of office next week?"), "human"),
        (headers("Auto-Submitted: no"), "human"),
        (headers("List-Id: Dev <dev.x.org>"), "list"),
        (headers("List-Unsubscribe: <mailto:u@x.org>"), "list"),
        (headers("Precedence: bulk"), "list"),
        (headers("Auto-Submitted: auto-replied"), "auto_reply"),
        (headers("X-Autoreply: yes"), "auto_reply"),
        (headers("Precedence: auto_reply"), "auto_reply"),
        (headers("Subject: Automatic reply: Offer"), "auto_reply"),
        (headers("Subject: Automatische Antwort: Angebot"), "auto_reply"),
        (headers("Subject: =?utf-8?q?R=C3=A9ponse_automatique?="), "auto_reply"),
        (headers("Auto-Submitted: auto-generated"), "auto_generated"),
        (headers("X-Auto-Response-Suppress: All"), "auto_generated"),
        (b"From: no-reply@example.com\n\nYour invoice", "auto_generated"),
        (REPORT, "bounce"),
        (headers("X-Failed-Recipients: a@x.org", "Auto-Submitted: auto-replied"), "bounce"),
        (b"From: postmaster@x.org\nSubject: Undeliverable: Hi\n\n", "bounce"),
        (headers("Return-Path: <>", "Subject: Undelivered Mail Returned to Sender"), "bounce"),
        (headers("Subject: Undelivered parcels"), "human"),
        (headers("Content-Type: text/calendar; method=REQUEST"), "calendar"),
        (headers("Content-Type: text/calendar; method=REQUEST", "List-Id: <x>"), "calendar"),
        (headers("Content-Type: text/calendar"), "human"),
        (b"Content-Type: text/calendar\n\nBEGIN:VCALENDAR\r\nMETHOD:REPLY\r\n", "calendar"),
    ],
)
def test_kinds(raw: bytes, kind: str) -> None:
    assert parse(raw).kind == kind


def test_a_list_is_named() -> None:
    assert parse(headers("List-Id: Dev talk <dev.example.org>")).list_id == "dev.example.org"
    assert parse(headers("List-Id: bare.example.org")).list_id == "bare.example.org"
    assert parse(headers()).list_id is None


def test_events_know_the_same_sorts() -> None:
    assert get_args(Kind) == get_args(email.Kind)
