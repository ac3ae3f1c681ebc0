"""Whatever the bytes are, there is a result that Postgres stores, and it comes soon."""

import base64
from dataclasses import astuple
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.mail import content, parse
from shared.mail.parser import TEXT_LIMIT

PIECES = [
    *(b"From: ", b"To: ", b"Subject: ", b"Date: ", b"Content-Type: ", b"Message-ID: ", b"Cc: "),
    *(b"multipart/mixed; boundary=a", b"text/html; charset=", b"text/plain", b"message/rfc822"),
    *(b"\n", b"\r\n", b"\n\n", b"\r", b"\x00", b"--a", b"--a--", b" ", b"\t", b";", b":", b","),
    *(b"=?utf-8?q?", b"=?utf-8?b?", b"?=", b"=E9", b"\xe9", b"\xff", b"\xed\xa0\x80", b"<", b">"),
    *(b"utf-7", b"utf-16", b"iso-2022-jp", b"gb2312", b"\x1b$B", b"+2AA-", b"(", b")", b'"', b"\\"),
    *(b"Content-Transfer-Encoding: base64\n", b"Content-Transfer-Encoding: quoted-printable\n"),
    *(b"jane@example.com", b"On 3 Mar 2025 10:12 Jane wrote:", b"> ", b"-- \n", b"From: x\n"),
    *(b"Mon, 3 Mar 2025 10:12:00 +0100", b"99 Foo 99999 99:99", b"name*0*=utf-8''%ff", b"<b>"),
    *(b"<img src=http://x>", b"<!--", b"&#xd800;", b"&#0;", b"<pre>", b"<blockquote>"),
]  # fmt: skip


def strings(value: Any) -> list[str]:
    if isinstance(value, tuple):
        return [text for item in cast("tuple[Any, ...]", value) for text in strings(item)]
    return [value] if isinstance(value, str) else []


def check(raw: bytes) -> None:
    mail = parse(raw)
    assert "unparsed" not in mail.defects
    assert mail == parse(raw)
    for text in strings(astuple(mail)):
        assert "\x00" not in text
        text.encode()  # raises on a lone surrogate
    for attachment in mail.attachments:
        assert len(content(raw, attachment.part) or b"") == attachment.size


@given(st.binary(max_size=2_000))
@settings(max_examples=300, deadline=None)
def test_any_bytes_become_a_mail(raw: bytes) -> None:
    check(raw)


@given(st.lists(st.sampled_from(PIECES), max_size=60))
@settings(max_examples=600, deadline=None)
def test_any_jumble_of_mail_syntax_becomes_a_mail(pieces: list[bytes]) -> None:
    check(b"".join(pieces))


@given(st.text(max_size=1_000))
@settings(max_examples=200, deadline=None)
def test_any_html_becomes_a_mail(html: str) -> None:
    check(b"Content-Type: text/html; charset=utf-8\n\n" + html.encode("utf-8", "surrogatepass"))


def nested(depth: int) -> bytes:
    levels = (
        f'Content-Type: multipart/mixed; boundary="b{level}"\n\n--b{level}\n'
        for level in range(depth)
    )
    return "".join(levels).encode() + b"\nhello"


def html(markup: str) -> bytes:
    return b"Content-Type: text/html; charset=utf-8\n\n" + markup.encode()


HOSTILE = {
    "nothing": b"",
    "no headers": b"hello\nworld",
    "only NULs": b"\x00" * 1_000_000,
    "1,000 multiparts in one another": nested(1_000),
    "one boundary for all": b"Content-Type: multipart/mixed; boundary=a\n\n--a\n" * 20_000,
    "deep, then many lines": nested(49) + b"--b\n" * 1_000_000,
    "half a million parts": b"Content-Type: multipart/mixed; boundary=a\n\n"
    + b"--a\n\nx\n" * 500_000,
    "a megabyte in one header": b"X: " + b"a" * 1_000_000 + b"\nSubject: hi\n\nbody",
    "a million folds": b"Subject: a" + b"\n " * 1_000_000,
    "100,000 addresses": b"To: "
    + b", ".join(b'"U, %d" <u%d@x.org>' % (i, i) for i in range(100_000)),
    "open parentheses": b"To: " + b"(" * 60_000 + b"\n\n",
    "open quotes": b"To: " + b'"\\' * 30_001 + b"\n\n",
    "a route without end": b"From: <" + b"@a," * 20_000 + b"\n\n",
    "encoded words without end": b"Subject: " + b"=?utf-8?q?a" * 100_000 + b"\n\n",
    "20 MB of text": b"Content-Type: text/plain\n\n" + b"a line of text\n" * 1_400_000,
    "20 MB of quotes": b"\n" + b"> " * 10_000_000,
    "15 MB attached": b"Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n\n"
    + base64.encodebytes(bytes(15_000_000)),
    "padding again and again": b"Content-Type: image/png\nContent-Transfer-Encoding: base64\n\n"
    + b"YQ==" * 500_000,
    "nested divs": html("<div>" * 200_000),
    "open fonts": html("".join(f"<font color={i}><p>" for i in range(3_000))),
    "ampersands": html("&" * 1_000_000),
    "attributes": html("<a " + " ".join(f"{i:x}" for i in range(100_000))),
    "comments": html("<!--" * 200_000),
    "attributions": b"From: Jane <j@x.org>\n\n"
    + b"a\nOn 3 Mar 2025 10:12 x wrote:\n> q\nb\n\n> c\nd\n" * 30_000,
    "headers in the text": b"\nx\n" + b"From: \nFrom: a\n" * 60_000,
    "wrote": b"\n" + b"wrote:\n" * 100_000,
    "stars": b"\nhi\n" + b"*" * 90_000 + b" wrote:\n",
    "delimiters": b"\n" + b"a\n-- \n" * 100_000,
}  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_bomb_is_read_in_bounded_time_and_size(name: str) -> None:
    mail = parse(HOSTILE[name])
    assert "unparsed" not in mail.defects
    assert len(mail.text) <= TEXT_LIMIT
    assert len(mail.to) <= 2_000


@pytest.mark.parametrize(
    ("name", "defect"),
    [
        ("1,000 multiparts in one another", "too_deep"),
        ("half a million parts", "too_many_parts"),
        ("a megabyte in one header", "truncated"),
        ("20 MB of text", "truncated"),
        ("only NULs", "nul_removed"),
        ("nested divs", "html_too_complex"),
        ("padding again and again", "bad_base64"),
        ("nothing", "no_from"),
        ("nothing", "no_date"),
    ],
)
def test_what_was_cut_or_repaired_is_said(name: str, defect: str) -> None:
    assert defect in parse(HOSTILE[name]).defects


def test_a_header_after_a_megabyte_long_one_is_still_read() -> None:
    assert parse(HOSTILE["a megabyte in one header"]).subject == "hi"
