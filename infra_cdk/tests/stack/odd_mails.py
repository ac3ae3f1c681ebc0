"""Mails that break rules, as they arrive in real mailboxes and as attackers send them."""

from __future__ import annotations

import base64
import os

_FROM = b"From: Kim <kim@elsewhere.example>\r\n"
_HEAD = _FROM + b"Subject: Odd\r\nDate: Tue, 03 Nov 2026 10:00:00 +0000\r\n"
_HTML = b"Content-Type: text/html; charset=utf-8\r\n\r\n"


def odd_mails() -> dict[str, bytes]:
    """Each by what is odd about it."""
    return _nearly_nothing() | _broken_text() | _too_much() | _hostile()


def _nearly_nothing() -> dict[str, bytes]:
    return {
        "empty": b"",
        "a line break": b"\r\n",
        "no headers": b"\r\n\r\nJust text\r\n",
        "no body": _HEAD,
        "no end of headers": b"Subject: Odd",
        "no sender": b"Subject: Odd\r\nDate: Tue, 03 Nov 2026 10:00:00 +0000\r\n\r\nHi\r\n",
        "no date, no message id": _FROM + b"\r\nHi\r\n",
        "no subject": _FROM + b"Message-ID: <odd@elsewhere.example>\r\n\r\nHi\r\n",
        "empty headers": b"From:\r\nTo:\r\nSubject:\r\nDate:\r\nMessage-ID:\r\n\r\nHi\r\n",
        "no boundary": _HEAD + b"Content-Type: multipart/mixed\r\n\r\nHi\r\n",
        "bare line feeds": _HEAD.replace(b"\r\n", b"\n") + b"\nHi\n",
        "bare carriage returns": _HEAD.replace(b"\r\n", b"\r") + b"\rHi\r",
    }


def _broken_text() -> dict[str, bytes]:
    return {
        "NULs": b"From: K\0im <kim@elsewhere.example>\r\nSubject: O\0dd\r\n\r\nH\0i\0\r\n",
        "8-bit headers": b"From: J\xf6rg <j@elsewhere.example>\r\nSubject: Gr\xfc\xdfe\r\n\r\n\xe4",
        "broken encoded words": b"From: =?utf-8?q?=FF=FE=00?= <k@elsewhere.example>\r\n"
        b"Subject: =?utf-16?b?2D0=?= =?nonsense?q?x?= =?utf-8?b?not base64?=\r\n\r\nHi",
        "unknown charset": _HEAD + b"Content-Type: text/plain; charset=klingon-8\r\n\r\nQa\xb1pla'",
        "wrong charset": _HEAD + b"Content-Type: text/plain; charset=utf-8\r\n\r\n\xff\xfe\x81\xed",
        "lone surrogates": _HEAD
        + b"Content-Type: text/plain; charset=utf-7\r\n\r\n+2D3-\xed\xa0\xbd",
        "broken base64": _HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n!!!SGk===x",
        "broken quoted-printable": _HEAD
        + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n=ZZ=\r\n=F",
        "dates of another world": _FROM + b"Date: 99 Foo 0000 99:99:99 +9999\r\n\r\nHi",
        "a date far ahead": _FROM + b"Date: Fri, 31 Dec 9999 23:59:59 -1200\r\n\r\nHi",
        "random bytes": os.urandom(2_000),
    }


def _too_much() -> dict[str, bytes]:
    deep = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
        for level in range(1_000)
    )
    many = b"--x\r\nContent-Type: text/plain; name=a.txt\r\n\r\nHi\r\n" * 3_000
    people = b",\r\n ".join(b"Person %d <p%d@elsewhere.example>" % (n, n) for n in range(3_000))
    return {
        "1,000 levels": _HEAD + deep + b"\r\n\r\nHi\r\n",
        "3,000 parts": _HEAD + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + many,
        "3,000 recipients": _HEAD + b"To: " + people + b"\r\n\r\nHi\r\n",
        "a subject of 200 kB": _FROM + b"Subject: " + b"odd " * 50_000 + b"\r\n\r\nHi\r\n",
        "a message id of 50 kB": _FROM + b"Message-ID: <" + b"x" * 50_000 + b"@y>\r\n\r\nHi\r\n",
        "20 MB of text": _HEAD
        + b"\r\n"
        + b"All work and no play makes Jack a dull boy.\r\n" * 470_000,
        "an attachment of 5 MB": _HEAD
        + b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(os.urandom(5_000_000)),
    }


def _hostile() -> dict[str, bytes]:
    return {
        "nested comments": b"From: " + b"(" * 5_000 + b"kim@elsewhere.example\r\n\r\nHi\r\n",
        "open quotes": b'From: "Kim <kim@elsewhere.example\r\nTo: <<<>>>,;:@\r\n\r\nHi\r\n',
        "two of everything": _HEAD + _HEAD + b"\r\nHi\r\n",
        "nested tags": _HEAD + _HTML + b"<div>" * 20_000 + b"Hi",
        "a script": _HEAD + _HTML + b"<script>alert(1)</script><img src=x onerror=alert(1)>",
        "a file name that climbs": _HEAD
        + b'Content-Disposition: attachment; filename="../../etc/pass\0wd"\r\n\r\nroot',
        "a mail that is a mail that is": _HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 200,
    }
