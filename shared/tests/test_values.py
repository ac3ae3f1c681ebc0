"""What callers may send: the shared types, each with what it makes of a value and what it refuses.

The database allows whatever these types let through: its own checks are the last line, not the
first.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.values import EmailAddress, Line, Name, Text

EMAIL: TypeAdapter[str] = TypeAdapter(EmailAddress)
NAME: TypeAdapter[str] = TypeAdapter(Name)
TEXT: TypeAdapter[str] = TypeAdapter(Text)
LINE: TypeAdapter[str] = TypeAdapter(Line)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (" Ada@Example.COM\n", "ada@example.com"),
        ("o'brien+crm@mail.example.co.uk", "o'brien+crm@mail.example.co.uk"),
        ("first..last@docomo.example", "first..last@docomo.example"),  # Japan's carriers gave these
        ("ada@example.com.", "ada@example.com"),
        ("ada@MÜLLER.example", "ada@xn--mller-kva.example"),
        ("ada@müller.example.", "ada@xn--mller-kva.example"),
        ("Ünal@example.com", "ünal@example.com"),
        ("a@b.xn--p1ai", "a@b.xn--p1ai"),
        (f"{'a' * 64}@example.com", f"{'a' * 64}@example.com"),
        (f"a@{'b' * 63}.{'c' * 63}.{'d' * 63}.{'e' * 60}", None),
    ],
)
def test_an_address_takes_the_form_we_compare(sent: str, kept: str | None) -> None:
    assert EMAIL.validate_python(sent) == (kept or sent)


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@localhost",
        "ada@@example.com",
        "ada@example..com",
        "ada@-example.com",
        "ada@exa_mple.com",
        "ada@example.123",
        "ada@[127.0.0.1]",
        "ada lovelace@example.com",
        "ada@exa mple.com",
        '"ada"@example.com',
        "<ada@example.com>",
        "Ada <ada@example.com>",
        "ada@example.com,bob@example.com",
        "mailto:ada@example.com",
        "ada\x00@example.com",
        "ada\u200b@example.com",
        "ada\u202e@example.com",
        "ada\r\nBcc: bob@example.com",
        "ada@\ufffd.com",
        f"{'a' * 65}@example.com",
        f"{'é' * 33}@example.com",
        f"ada@{'b' * 64}.com",
        f"ab@{'b' * 63}.{'c' * 63}.{'d' * 63}.{'e' * 60}",
        f"ada@{'ü' * 60}.{'ü' * 60}.{'ü' * 60}.{'ü' * 60}.com",
    ],
)
def test_what_no_mail_can_be_sent_to_is_refused(sent: str) -> None:
    with pytest.raises(ValidationError):
        EMAIL.validate_python(sent)


@given(st.one_of(st.emails(), st.text(max_size=40).map("a@{}.com".format)))
def test_an_accepted_address_stays_as_it_is(sent: str) -> None:
    try:
        kept = EMAIL.validate_python(sent)
    except ValidationError:
        return
    assert EMAIL.validate_python(kept) == kept == kept.lower()
    assert len(kept) <= 254


def test_an_address_is_one_in_the_schema() -> None:
    assert EMAIL.json_schema() == {"type": "string", "maxLength": 254, "format": "email"}


def test_a_name_is_one_line_of_1_to_200_characters() -> None:
    assert NAME.validate_python(" Ada\r\n\t Love\x00lace ") == "Ada Love lace"
    assert NAME.validate_python("x" * 200)
    for wrong in ("", " \x00 ", "x" * 201, "\ud800"):
        with pytest.raises(ValidationError):
            NAME.validate_python(wrong)


def test_texts_keep_their_lines_and_lines_do_not() -> None:
    assert TEXT.validate_python("a\r\nb\rc\x00\td") == "a\nb\nc\td"
    assert LINE.validate_python("a\r\nb\rc\x00\td") == "a b c d"
