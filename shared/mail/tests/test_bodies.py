"""Bodies, attachments, charsets and HTML."""

import hashlib

import pytest

from shared.mail import content, parse
from shared.mail.charsets import codec, decode
from shared.mail.flowed import unflow
from shared.mail.markup import sanitise, to_text

MIXED = b"""From: Jane <jane@example.com>
Content-Type: multipart/mixed; boundary="outer"

preamble
--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=utf-8

Hello
--inner
Content-Type: text/html; charset=utf-8

<p>Hello <img src="cid:pic"></p>
--inner--
--outer
Content-Type: image/png; name="pic.png"
Content-ID: <pic>
Content-Disposition: inline
Content-Transfer-Encoding: base64

aGVsbG8=
--outer
Content-Type: message/rfc822

Subject: inner mail

From the inner mail
--outer
Content-Disposition: attachment; filename="..\\..\\etc/pass\x01wd"
Content-Type: application/octet-stream

data
--outer--
epilogue
"""


def test_parts_are_sorted_into_text_html_and_attachments() -> None:
    mail = parse(MIXED)
    assert mail.text == "Hello"
    assert mail.html == '<p>Hello <img src="cid:pic"></p>'
    assert [(one.part, one.content_type) for one in mail.attachments] == [
        ("2", "image/png"),
        ("3", "message/rfc822"),
        ("4", "application/octet-stream"),
    ]
    picture = mail.attachments[0]
    assert (picture.filename, picture.content_id, picture.inline) == ("pic.png", "pic", True)
    assert (picture.size, picture.sha256) == (5, hashlib.sha256(b"hello").hexdigest())


def test_an_attachments_name_is_no_path() -> None:
    assert parse(MIXED).attachments[2].filename == "passwd"


def test_the_content_of_a_part_is_found_again_by_its_number() -> None:
    assert content(MIXED, "2") == b"hello"
    assert content(MIXED, "1.1") == b"Hello"
    assert content(MIXED, "9") is None


def test_an_attached_mail_is_an_attachment_not_text() -> None:
    mail = parse(MIXED)
    assert "inner" not in mail.text
    assert mail.subject == ""


def test_a_single_part_mail_is_part_one() -> None:
    raw = b"Content-Type: application/pdf; name=a.pdf\n\n%PDF"
    assert [one.part for one in parse(raw).attachments] == ["1"]
    assert content(raw, "1") == b"%PDF"


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        (b"aGVsbG8=", b"hello"),
        (b"aGVs\r\nbG8=\r\n", b"hello"),
        (b"aGVsbG8", b"hello"),
        (b"aGVsbG8=aGVsbG8=", b"hellohello"),
        (b"aGV!sbG8=\n--junk?", b"hello" + b"\x8e\xe9\xe4"[:3]),
        (b"a", b""),
        (b"", b""),
    ],
)
def test_broken_base64_gives_what_it_holds(encoded: bytes, expected: bytes) -> None:
    raw = b"Content-Type: image/png\nContent-Transfer-Encoding: base64\n\n" + encoded
    got = content(raw, "1") or b""
    assert got.startswith(expected[:5])


@pytest.mark.parametrize(
    ("data", "label", "expected"),
    [
        ("Grüße".encode(), "utf-8", "Grüße"),
        ("Grüße".encode(), "", "Grüße"),
        ("Grüße".encode(), "us-ascii", "Grüße"),
        ("Grüße".encode(), "nonsense", "Grüße"),
        ("Grüße €".encode("cp1252"), "iso-8859-1", "Grüße €"),
        ("Grüße".encode("cp1252"), "utf-8", "Grüße"),
        (b"a\x81b\xfc", "iso-8859-1", "a\x81bü"),
        ("\ufeffhi".encode(), "utf-8", "hi"),
        ("你好".encode("gb18030"), "gb2312", "你好"),
        ("안녕".encode("cp949"), "ks_c_5601-1987", "안녕"),
        ("①髙".encode("cp932"), "shift_jis", "①髙"),
        ("שלום".encode("iso8859_8"), "iso-8859-8-i", "שלום"),
        ("привет".encode("koi8_r"), "KOI8-R", "привет"),
        ("hé".encode("utf-16-be"), "utf-16", "hé"),
        ("hé".encode("utf-16"), "utf-16", "hé"),
        ("hé".encode("utf-7"), "utf-7", "hé"),
        ("é".encode("cp850"), "cp-850", "é"),
        (b"plain", "idna", "plain"),
        (b"plain", "rot13", "plain"),
    ],
)
def test_charsets(data: bytes, label: str, expected: str) -> None:
    assert decode(data, label)[0] == expected


@pytest.mark.parametrize(
    "name", ["rot13", "base64", "zlib", "punycode", "idna", "undefined", "unicode_escape", "x" * 99]
)
def test_a_mail_cannot_choose_a_codec_that_is_no_charset(name: str) -> None:
    assert codec(name) is None


def test_a_guess_is_said() -> None:
    russian = "Привет, как дела? Мы получили ваше письмо и скоро ответим.".encode("koi8_r")
    mail = parse(b"Content-Type: text/plain\n\n" + russian)
    assert "charset_guessed" in mail.defects
    assert "charset_guessed" not in parse(b"Content-Type: text/plain\n\nplain").defects


def test_soft_line_breaks_are_joined() -> None:
    assert unflow("one \ntwo\n> q \n> r\n-- \nJane", False) == "one two\n> q r\n-- \nJane"
    assert unflow("日 \n本", True) == "日本"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<a href="https://x.org/a">x</a>', 'href="https://x.org/a"'),
        ('<a href="mailto:a@x.org">x</a>', 'href="mailto:a@x.org"'),
        ('<img src="cid:a">', '<img src="cid:a">'),
        ('<img src="https://x.org/p.gif">', '<img data-src="https://x.org/p.gif">'),
        ('<p style="color:red">x</p>', "color:red"),
    ],
)
def test_harmless_html_stays(html: str, expected: str) -> None:
    assert expected in sanitise(html)[0]


@pytest.mark.parametrize(
    ("html", "forbidden"),
    [
        ("<script>alert(1)</script>x", "alert"),
        ("<img src=x onerror=alert(1)>", "onerror"),
        ('<a href="javascript:alert(1)">x</a>', "javascript"),
        ('<a href="\u2028javascript:alert(1)">x</a>', "javascript"),
        ('<a href="\x01java\x03script:alert(1)">x</a>', "script"),
        ('<a href="//evil.example/x">x</a>', "evil"),
        ('<a href="/relative">x</a>', "relative"),
        ('<img src="data:image/svg+xml,<svg onload=alert(1)>">', "svg"),
        ('<p style="background:url(http://evil.example/x)">x</p>', "evil"),
        ('<p style="background:u\\72l(http://evil.example/x)">x</p>', "evil"),
        ('<p style="position:fixed;top:0">x</p>', "position"),
        ("<style>@import 'http://evil.example'</style>x", "evil"),
        ("<form action=http://evil.example><input></form>", "evil"),
        ("<iframe src=http://evil.example></iframe>", "evil"),
        ("<meta http-equiv=refresh content='0;url=http://evil.example'>", "evil"),
        ("<base href=http://evil.example>", "evil"),
        ("<svg><a xlink:href='javascript:x'>y</a></svg>", "xlink"),
        ("<img srcset='http://evil.example/x 2x'>", "evil"),
        ("<table background=http://evil.example/x></table>", "evil"),
        ("<!--[if mso]><img src=http://evil.example><![endif]-->", "evil"),
    ],
)
def test_dangerous_html_goes(html: str, forbidden: str) -> None:
    assert forbidden not in sanitise(html)[0]


def test_no_image_loads_by_itself() -> None:
    tricky = '<img src="\ufdd0http://x.org/a"><img SRC="HTTP://x.org/b">text src="http://x.org/c"'
    safe, _ = sanitise(tricky)
    assert ' src="http' not in safe.lower().replace("text src", "")
    assert 'data-src="HTTP://x.org/b"' in safe


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("a<br>b<br><br>c", "a\nb\n\nc"),
        ("<div>a</div><div>b</div>", "a\nb"),
        ("<ul><li>a<li>b</ul>", "- a\n- b"),
        ("<table><tr><td>a<td>b<tr><td>c</table>", "a b\nc"),
        ("a  \n b&nbsp;&amp;&lt;c", "a b &<c"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("<style>p{}</style><title>t</title><p>x</p>", "x"),
        ('<span style="display:none">preheader<span>x</span></span>shown', "shown"),
        ("<div>new</div><blockquote>old<br>mail</blockquote>", "new\n\n> old\n> mail"),
        ('<a href="https://x.org/?a=1>2">link</a>', "link"),
    ],
)
def test_text_of_html(html: str, text: str) -> None:
    assert to_text(sanitise(html)[0]) == text


def test_the_reply_in_an_html_mail_is_found() -> None:
    html = (
        '<div dir="ltr">Fine with me.</div><br><div class="gmail_quote"><div class="gmail_attr">'
        "On Mon, Mar 3, 2025 at 10:12 AM Jane &lt;<a href='mailto:j@x.org'>j@x.org</a>&gt; wrote:"
        "<br></div><blockquote>Dear Bob,<br>an offer.</blockquote></div>"
    )
    mail = parse(b"Content-Type: text/html; charset=utf-8\n\n" + html.encode())
    assert mail.reply == "Fine with me."
    assert "an offer" in mail.text
