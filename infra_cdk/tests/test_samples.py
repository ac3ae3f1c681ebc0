"""The shipped inbox holds every kind of mail it promises, and names nobody real."""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import getaddresses, parsedate_to_datetime
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[1] / "local" / "samples"
RAW = {path.name: path.read_bytes() for path in sorted(SAMPLES.glob("*.eml"))}
MAILS: dict[str, EmailMessage] = {
    name: message_from_bytes(raw, policy=default) for name, raw in RAW.items()
}
# What came through Unix software and reached us with bare line feeds; all others have CRLF.
LF_ONLY = {
    "01-newsletter-loading-bay.eml",
    "21-unsubscribe-request.eml",
    "35-osterley-signed-scan.eml",
    "37-nordstern-purchase-order-de.eml",
}
# RFC 2606 and 6761.
RESERVED = re.compile(r"(?:^|\.)(?:example|example\.(?:com|net|org))$", re.IGNORECASE)
# Mail systems name themselves in trace headers, message ids and bounces; no person is there.
MAIL_SYSTEMS = re.compile(
    r"^(?:mail\.gmail\.com|mx\.google\.com|(?:support\.)?google\.com|googlemail\.com"
    r"|[\w]+\.\w+\.prod\.outlook\.com)$"
)
NAMESPACES = {"www.w3.org", "schemas.microsoft.com", "schema.org"}
# Ofcom, FCC, Bundesnetzagentur, Arcep and PTS reserve these for fiction.
FICTION_PHONES = re.compile(
    r"\+44 (?:20 7946 0|7700 900|1632 960)|\+49 (?:30 23125|40 66969|221 4710)|\+46 31 390 06"
)

Mail = EmailMessage


def parts(mail: Mail) -> list[Mail]:
    """Every leaf, forwarded mails' parts included."""
    return [part for part in mail.walk() if not part.is_multipart()]  # pyright: ignore[reportReturnType]


def payload(part: Mail) -> bytes:
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def text(mail: Mail) -> str:
    """All bodies and calendars, decoded by the charset they declare."""
    bodies = [p for p in parts(mail) if p.get_content_maintype() == "text" and not p.get_filename()]
    decoded = [payload(p).decode(p.get_content_charset("utf-8")) for p in bodies]
    return "\n".join(decoded).replace("\r\n", "\n")


def types(mail: Mail) -> set[str]:
    return {part.get_content_type() for part in mail.walk()}


def header(mail: Mail, name: str) -> str:
    return str(mail.get(name, ""))


def ids(mail: Mail, name: str) -> list[str]:
    return re.findall(r"<[^<>\s]+>", header(mail, name))


def attached(mail: Mail, content_type: str) -> bool:
    return any(p.get_content_type() == content_type and p.get_filename() for p in mail.walk())


def raw_header(name: str, pattern: bytes) -> bool:
    head = re.split(rb"\r?\n\r?\n", RAW[name], maxsplit=1)[0]
    return re.search(pattern, head, re.MULTILINE | re.IGNORECASE) is not None


def calendar(mail: Mail, method: str) -> bool:
    return any(
        part.get_content_type() == "text/calendar" and part.get_param("method") == method
        for part in mail.walk()
    )


def has(pattern: str) -> Callable[[str, Mail], bool]:
    return lambda _name, mail: re.search(pattern, text(mail), re.MULTILINE) is not None


def head(pattern: bytes) -> Callable[[str, Mail], bool]:
    return lambda name, _mail: raw_header(name, pattern)


KINDS: dict[str, Callable[[str, Mail], bool]] = {
    "Gmail quote": has(r'class="gmail_quote'),
    "Gmail signature": has(r'class="gmail_signature"'),
    "Outlook HTML": has(r'class="MsoNormal"'),
    "Outlook quote": has(r"^From: .+\n(?:Sent): .+\nTo: "),
    "Apple Mail HTML": has(r'blockquote type="cite"'),
    "phone mail": has(r"^Sent from my iPhone"),
    "inline answers": has(r"^> 1\. .+(?:\n> .+)*\n\n\w.+(?:\n.+)*\n\n> 2\. "),
    "plain text only": lambda _n, m: types(m) == {"text/plain"},
    "image by cid": lambda _n, m: "image/png" in types(m) and "cid:ii_" in text(m),
    "PDF": lambda _n, m: attached(m, "application/pdf"),
    "CSV": lambda _n, m: attached(m, "text/csv"),
    "PNG": lambda _n, m: attached(m, "image/png"),
    "docx": lambda _n, m: ".docx" in str([p.get_filename() for p in m.walk()]),
    "picture between two HTML parts": lambda _n, m: (
        [p.get_content_type() for p in parts(m)][1:] == ["text/html", "image/png", "text/html"]
    ),
    "invitation": lambda _n, m: calendar(m, "REQUEST") and attached(m, "application/ics"),
    "cancellation": lambda _n, m: calendar(m, "CANCEL"),
    "answer to an invitation": lambda _n, m: calendar(m, "REPLY"),
    "newsletter": lambda _n, m: (
        "List-Id" in m and header(m, "List-Unsubscribe-Post") == "List-Unsubscribe=One-Click"
    ),
    "tracking pixel": has(r'<img src="https://[^"]+" width="1" height="1"'),
    "bounce": lambda _n, m: (
        m.get_param("report-type") == "delivery-status" and "X-Failed-Recipients" in m
    ),
    "out of office": lambda _n, m: (
        header(m, "Auto-Submitted") == "auto-replied" and m.get_content_subtype() != "report"
    ),
    "tool notification": lambda _n, m: "no-reply@" in header(m, "From") and "Reply-To" not in m,
    "web form": lambda _n, m: (
        "no-reply@" in header(m, "From") and "no-reply" not in header(m, "Reply-To") != ""
    ),
    "complaint": has(r"what you are going to pay us"),
    "happy customer": has(r"So thank you, both of you"),
    "price negotiation": has(r"\$640"),
    "contract": has(r"Clause 9\.2, liability"),
    "demo request": has(r"Vorführung vereinbare"),
    "introduction": lambda _n, m: "Intro:" in header(m, "Subject") and "Cc" in m,
    "referral": has(r"she'd like a call"),
    "unsubscribe request": has(r"take me off whatever list"),
    "hidden prompt injection": has(r"font-size:0px[^>]*>[^<]*Ignore previous instructions"),
    "script": has(r"<script>[\s\S]*onerror="),
    "no Message-ID": lambda _n, m: "Message-ID" not in m,
    "no Date": lambda _n, m: "Date" not in m,
    "no Subject": lambda _n, m: "Subject" not in m,
    "raw 8-bit subject": head(rb"^Subject:.*[\x80-\xff]"),
    "ISO-8859-1 subject": head(rb"^Subject: =\?iso-8859-1\?Q\?"),
    "Windows-1252 subject": head(rb"^Subject: =\?windows-1252\?Q\?.*=80"),
    "ISO-2022-JP subject": head(rb"^Subject: =\?iso-2022-jp\?B\?"),
    "UTF-8 base64 subject": head(rb"^Subject: =\?utf-8\?B\?"),
    "soft line breaks": lambda _n, m: any(
        header(p, "Content-Transfer-Encoding") == "quoted-printable"
        and re.search(r"[^=]=\r?\n", str(p.get_payload()))
        for p in parts(m)
    ),
    "format=flowed": lambda _n, m: m.get_param("format") == "flowed",
    "forward as attachment": lambda _n, m: attached(m, "message/rfc822"),
    "forward inline": has(r"^-{10} Forwarded message -{9}$"),
    "long history": lambda _n, m: (
        len(re.findall(r"^[> ]*(?:From: |On .*\d{4})", text(m), re.MULTILINE)) >= 5
    ),
    "emoji subject": lambda _n, m: (
        re.search(r"[\U0001f300-\U0001faff]", header(m, "Subject")) is not None
    ),
    "right to left": has(r'dir="rtl"[\s\S]*[\u05d0-\u05ea]{3}'),
    "many recipients": lambda _n, m: len(getaddresses([header(m, "To")])) >= 25,
    "failed DMARC": lambda _n, m: "dmarc=fail" in header(m, "Authentication-Results"),
    "German": has(r"Mit freundlichen Grüßen"),
    "French": has(r"Bien à vous"),
    "Spanish": has(r"Un saludo"),
    "Italian": has(r"sponda idraulica"),
    "Dutch": has(r"Met vriendelijke groet"),
    "Swedish": has(r"Vänliga hälsningar"),
    "Japanese": has(r"よろしくお願いいたします"),
    "Polish": has(r"Pozdrawiam serdecznie"),
    "Hebrew": has(r"תודה רבה"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_promised_kind_is_there(kind: str) -> None:
    assert [name for name, mail in MAILS.items() if KINDS[kind](name, mail)]


def test_the_set_is_small_and_numbered_without_gaps() -> None:
    assert 40 <= len(RAW) <= 48
    assert sum(map(len, RAW.values())) < 600_000
    assert all(re.fullmatch(r"\d\d-[a-z0-9-]+\.eml", name) for name in RAW)
    assert [int(name[:2]) for name in RAW] == list(range(1, len(RAW) + 1))


@pytest.mark.parametrize("name", RAW)
def test_the_standard_library_reads_it_without_complaint(name: str) -> None:
    assert [defect for part in MAILS[name].walk() for defect in part.defects] == []
    assert text(MAILS[name]).strip()
    assert "\ufffd" not in text(MAILS[name])


@pytest.mark.parametrize("name", RAW)
def test_line_endings_are_the_ones_it_came_with(name: str) -> None:
    bare = re.findall(rb"(?<!\r)\n", RAW[name])
    assert bool(bare) == (name in LF_ONLY)
    assert not bare or b"\r" not in RAW[name]


def test_git_leaves_the_bytes_alone() -> None:
    assert "*.eml -text" in (SAMPLES.parents[2] / ".gitattributes").read_text().splitlines()


@pytest.mark.parametrize("name", RAW)
def test_nobody_real_is_named(name: str) -> None:
    headers = [str(value) for part in MAILS[name].walk() for value in part.values()]
    everything = "\n".join(headers) + text(MAILS[name]).replace("\n ", "")
    hosts = set(re.findall(r"@([\w-]+(?:\.[\w-]+)+)", everything))
    hosts |= set(re.findall(r"https?://([\w.-]+)", everything)) - NAMESPACES
    assert [h for h in hosts if not RESERVED.search(h) and not MAIL_SYSTEMS.match(h)] == []
    people = getaddresses([header(MAILS[name], h) for h in ("From", "To", "Cc", "Reply-To")])
    outside = [a for _, a in people if a and not RESERVED.search(a.partition("@")[2])]
    assert outside in ([], ["mailer-daemon@googlemail.com"])
    for ip in re.findall(r"(?:\[|client-ip=)(\d+\.\d+\.\d+\.\d+)", everything):
        assert ip.startswith(("192.0.2.", "198.51.100.", "203.0.113."))


@pytest.mark.parametrize("name", RAW)
def test_nobody_picks_up_the_phone(name: str) -> None:
    words = text(MAILS[name])
    for number in re.findall(r"\+\d{2}[\d ]{8,}\d", words):
        assert FICTION_PHONES.match(number), number
    for number in re.findall(r"\(\d{3}\) (\d{3}-\d{4})", words):
        assert number.startswith("555-01")


def test_replies_find_what_they_answer() -> None:
    known = {ids(mail, "Message-ID")[0]: mail for mail in MAILS.values() if "Message-ID" in mail}
    assert len(known) == len([mail for mail in MAILS.values() if "Message-ID" in mail])
    threads: dict[str, int] = {}
    for mail in MAILS.values():
        if chain := ids(mail, "References"):
            assert set(chain) <= set(known)
            assert ids(mail, "In-Reply-To") == chain[-1:]
            assert sent_at(known[chain[-1]]) < sent_at(mail)
            threads[chain[0]] = threads.get(chain[0], 1) + 1
        else:
            assert "In-Reply-To" not in mail
    assert len(threads) >= 5
    assert max(threads.values()) >= 6


def sent_at(mail: Mail) -> datetime:
    return parsedate_to_datetime(header(mail, "Date"))


def test_the_numbers_follow_the_calendar() -> None:
    dates = [sent_at(mail) for mail in MAILS.values() if "Date" in mail]
    assert dates == sorted(dates)
    assert datetime(2026, 10, 19, tzinfo=UTC) < dates[0] < dates[-1]
    assert dates[-1] < datetime(2026, 11, 4, tzinfo=UTC)


def test_received_mail_carries_gmails_verdict_and_sent_mail_does_not() -> None:
    for name, mail in MAILS.items():
        assert ("Authentication-Results" in mail) == (not name.endswith("-sent.eml"))
        assert ("Delivered-To" in mail) == (not name.endswith("-sent.eml"))


def test_attachments_open() -> None:
    for part in (part for mail in MAILS.values() for part in parts(mail) if part.get_filename()):
        data, kind = payload(part), part.get_content_type()
        if kind == "application/pdf":
            start = int(data.split(b"startxref\n")[1].split()[0])
            assert data.startswith(b"%PDF-1.4")
            assert data[start : start + 4] == b"xref"
        elif kind == "image/png":
            assert data.startswith(b"\x89PNG\r\n\x1a\n")
            assert data.endswith(b"IEND" + zlib.crc32(b"IEND").to_bytes(4, "big"))
        elif kind == "text/csv":
            rows = list(csv.reader(io.StringIO(data.decode("cp1252")), delimiter=";"))
            assert len(rows) > 3
            assert {len(row) for row in rows} == {len(rows[0])}
        elif "wordprocessingml" in kind:
            assert zipfile.ZipFile(io.BytesIO(data)).testzip() is None
        else:
            assert kind == "application/ics"
            assert data.startswith(b"BEGIN:VCALENDAR\r\n")
