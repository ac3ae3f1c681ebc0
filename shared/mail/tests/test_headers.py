"""Headers as they really arrive."""

from datetime import UTC, datetime

import pytest

from shared.mail import Address, is_role_address, normalize_email, parse
from shared.mail.addresses import parse_addresses
from shared.mail.dates import parse_date
from shared.mail.headers import parameterised

JANE = Address("Jane Doe", "jane@example.com")


@pytest.mark.parametrize(
    ("raw", "subject"),
    [
        (b"plain", "plain"),
        (b"=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        (b"=?UTF-8?B?R3LDvMOfZQ==?=", "Grüße"),
        (b"=?utf-8?B?R3LDvMOfZQ?=", "Grüße"),  # padding forgotten
        (b"=?iso-8859-1*de?Q?Gr=FC=DFe?=", "Grüße"),  # RFC 2231 language
        (b"=?utf-8?q?a?=\n =?utf-8?q?b?=", "ab"),
        (b"=?utf-8?Q?=C3?= =?utf-8?Q?=BC?=", "ü"),  # one character over two words
        (b"=?utf-8?Q?two words?=", "two words"),  # raw space
        (b"=?utf-8?Q?really??=", "really?"),
        (b"a=?utf-8?q?b?=c", "abc"),
        ("Grüße".encode(), "Grüße"),
        ("Grüße aus Köln".encode("latin-1"), "Grüße aus Köln"),
        (b"=?iso-8859-1?Q?Gr\xc3\xbc\xc3\x9fe?=", "Grüße"),
        (b"=?x-unknown?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        (b"=?gb2312?B?xOO6ww==?=", "你好"),
        (b"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
        (b"=?utf-8?q?a=00b?=", "ab"),
        (b"=?utf-8?q?line=0D=0AX-Evil:_1?=", "line X-Evil: 1"),
        (b"folded\r\n line", "folded line"),
        (b"=?utf-8?q?", "=?utf-8?q?"),
        (b"", ""),
    ],
)
def test_subjects(raw: bytes, subject: str) -> None:
    assert parse(b"Subject: " + raw + b"\n\n").subject == subject


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"Jane Doe <Jane@Example.COM>", [JANE]),
        (b'"Jane Doe" <jane@example.com>', [JANE]),
        (b"jane@example.com (Jane Doe)", [JANE]),
        (b"Jane Doe jane@example.com", [JANE]),
        (b"=?utf-8?q?Jane_Doe?= <jane@example.com>", [JANE]),
        (b'"=?utf-8?q?Jane_Doe?=" <jane@example.com>', [JANE]),
        (b"'Jane Doe' <jane@example.com>", [JANE]),
        (b"Jane\n Doe <jane@example.com>", [JANE]),
        (b"Jane Doe <<jane@example.com>>", [JANE]),
        (b"Jane Doe <@relay.org,@b.org:jane@example.com>", [JANE]),
        (b"Jane Doe <jane@example.com>,,  ,", [JANE]),
        (b"Team: Jane Doe <jane@example.com>, bob@x.org;", [JANE, Address("", "bob@x.org")]),
        (b"undisclosed-recipients:;", []),
        (b"", []),
        (b"<>", []),
        (b"jane@example.com", [Address("", "jane@example.com")]),
        (b'"jane@example.com" <jane@example.com>', [Address("", "jane@example.com")]),
        (b'"Doe, Jane" <jane@example.com>', [Address("Doe, Jane", "jane@example.com")]),
        (b'"Jane \\"JD\\" Doe" <jane@example.com>', [Address('Jane "JD" Doe', "jane@example.com")]),
        (b"=?utf-8?q?Doe,_Jane?= <jane@example.com>", [Address("Doe, Jane", "jane@example.com")]),
        (b"=?utf-8?Q?Doe,?= Jane <jane@example.com>", [Address("Doe, Jane", "jane@example.com")]),
        ("Jürgen <j@x.org>".encode("latin-1"), [Address("Jürgen", "j@x.org")]),
        ("Jürgen <j@müller.de>".encode(), [Address("Jürgen", "j@xn--mller-kva.de")]),
        (b"MAILER-DAEMON (Mail System)", [Address("Mail System", "mailer-daemon")]),
        (b"a b c", []),
        (b"x@[IPv6:::1]", [Address("", "x@[ipv6:::1]")]),
        (b"a@x.org; b@x.org", [Address("", "a@x.org"), Address("", "b@x.org")]),
        (b"Jane (a (nested) comment) <j@x.org>", [Address("Jane", "j@x.org")]),
        (b"Support (via Acme) <s@x.org>", [Address("Support", "s@x.org")]),
        (b'"Jane Doe <jane@example.com>', [JANE]),
        (b'"A" <a@x.org>, "B <b@x.org>', [Address("A", "a@x.org"), Address("B", "b@x.org")]),
    ],
)
def test_addresses(raw: bytes, expected: list[Address]) -> None:
    assert list(parse_addresses([raw])) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mon, 3 Mar 2025 10:12:13 +0100", datetime(2025, 3, 3, 9, 12, 13, tzinfo=UTC)),
        ("3 Mar 2025 10:12 -0530 (IST)", datetime(2025, 3, 3, 15, 42, tzinfo=UTC)),
        ("Mon, 3 Mar 2025 10:12:13 GMT", datetime(2025, 3, 3, 10, 12, 13, tzinfo=UTC)),
        ("Mon, 3 Mar 25 10:12:13 EST", datetime(2025, 3, 3, 15, 12, 13, tzinfo=UTC)),
        ("Mon Mar  3 10:12:13 2025", datetime(2025, 3, 3, 10, 12, 13, tzinfo=UTC)),
        ("Mon, 3 Mar 2025 10:12:60 +0000", datetime(2025, 3, 3, 10, 12, 59, tzinfo=UTC)),
        ("Mon, 3 Mar 2025 10:12:13 +9999", datetime(2025, 3, 3, 10, 12, 13, tzinfo=UTC)),
        ("Mon, 31 Feb 2025 10:12:13 +0000", None),
        ("3 Mar 9999 10:12:13 +0000", None),
        ("3 Mar 1969 10:12:13 +0000", None),
        ("0 Foo 0000", None),
        ("", None),
        ("soon", None),
    ],
)
def test_dates(text: str, expected: datetime | None) -> None:
    assert parse_date(text) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'text/plain; charset="utf-8"', ("text/plain", {"charset": "utf-8"})),
        (b"TEXT/Plain;charset=UTF-8;", ("text/plain", {"charset": "UTF-8"})),
        (b"text/plain charset=utf-8", ("text/plain", {"charset": "utf-8"})),
        (b"text/plain; charset=us-ascii (Plain)", ("text/plain", {"charset": "us-ascii"})),
        (b"a/b; name=my file.pdf", ("a/b", {"name": "my file.pdf"})),
        (b"a/b; name*=utf-8''na%C3%AFve.pdf", ("a/b", {"name": "naïve.pdf"})),
        (b"a/b; name*0=lo; name*1=ng.pdf", ("a/b", {"name": "long.pdf"})),
        (b"a/b; name*0*=utf-8''%C3; name*1*=%AF", ("a/b", {"name": "ï"})),
        (b'a/b; name="=?utf-8?q?=C3=AF.pdf?="', ("a/b", {"name": "ï.pdf"})),
        (b'a/b; name="semi;colon"', ("a/b", {"name": "semi;colon"})),
        (b'a/b; name="quo\\"te"', ("a/b", {"name": 'quo"te'})),
    ],
)
def test_parameters(raw: bytes, expected: tuple[str, dict[str, str]]) -> None:
    assert parameterised(raw) == expected


def test_ids_are_bare_unique_and_bounded() -> None:
    references = " ".join(f"<{i}@x>" for i in range(500))
    raw = f"Message-ID: <A@b.c>\nIn-Reply-To: <p@x> (Jane's) <p@x>\nReferences: {references}\n\n"
    mail = parse(raw.encode())
    assert mail.message_id == "A@b.c"
    assert mail.in_reply_to == ("p@x",)
    assert len(mail.references) == 100
    assert mail.references[0] == "0@x"  # the thread's root
    assert mail.references[-1] == "499@x"
    assert parse(b"Message-ID: no.brackets@x\n\n").message_id == "no.brackets@x"


def test_the_first_of_two_from_fields_counts_and_sender_stands_in() -> None:
    assert parse(b"From: a@x.org\nFrom: b@x.org\n\n").sender == Address("", "a@x.org")
    assert parse(b"Sender: c@x.org\n\n").sender == Address("", "c@x.org")
    assert parse(b"Subject: x\n\n").sender is None


def test_an_mbox_line_and_a_lost_blank_line_lose_nothing() -> None:
    mail = parse(b"From me Mon Mar  3\nSubject: hi\nno field here\nbody\n")
    assert mail.subject == "hi"
    assert mail.text == "no field here\nbody\n"


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_line_end_is_read(end: bytes) -> None:
    raw = end.join([b"From: a@x.org", b"Subject: hi", b"", b"one", b"two", b""])
    mail = parse(raw)
    assert (mail.subject, mail.text) == ("hi", "one\ntwo\n")


def test_keys_of_addresses() -> None:
    assert normalize_email(" Jane.DOE@Example.COM. ") == "jane.doe@example.com"
    assert normalize_email("j@MÜLLER.de") == "j@xn--mller-kva.de"
    assert normalize_email("j@" + "ü" * 300 + ".de").startswith("j@ü")
    assert is_role_address("No-Reply+x@example.com")
    assert not is_role_address("jane@example.com")


def test_a_message_id_always_fits_an_index() -> None:
    mail = parse(b"Message-ID: <" + "\U0001f600".encode() * 998 + b">\r\nSubject: x\r\n\r\n")
    assert mail.message_id is not None
    assert mail.message_id.isascii()
    assert len(mail.message_id) <= 998
