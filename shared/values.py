"""The types of what callers send that mean the same in every capability, for pydantic models."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from shared.mail.matching import normalize_email
from shared.text import many_lines, one_line

_LONGEST_EMAIL = 254
_LONGEST_LOCAL_PART = 64
"""In octets. RFC 5321 §4.5.3.1 allows a local part 64 and a path 256, two of them brackets."""
_LOCAL_PART = re.compile(r'[^\s@<>()\[\]\\,;:"]+')
_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+(?=[a-z]){_LABEL}")


def _email_address(text: str) -> str:
    """The key form of an address that mail can be sent to over the Internet.

    Quoted local parts and addresses without a domain's name are none, though RFC 5321 knows them.

    Raises:
        ValueError: it is no such address.
    """
    address = normalize_email(text) if text.isprintable() and " " not in text else ""
    local, _, domain = address.rpartition("@")
    if not (_LOCAL_PART.fullmatch(local) and _DOMAIN.fullmatch(domain)):
        raise ValueError("not an e-mail address, such as ada@example.com")
    if len(local.encode()) > _LONGEST_LOCAL_PART or len(address.encode()) > _LONGEST_EMAIL:
        raise ValueError("an e-mail address has at most 64 bytes before the @, and 254 in all")
    return address


def domain_name(text: str) -> str:
    """The domain of e-mail addresses in the form we compare: lower case, ASCII.

    Raises:
        ValueError: it is none.
    """
    return _email_address(f"x@{text}").removeprefix("x@")


def _within_reason(moment: datetime) -> datetime:
    """Years that stay representable in every time zone, for us and for Postgres."""
    if not 1970 <= moment.year <= 2200:
        raise ValueError("the year must be from 1970 to 2200")
    return moment.astimezone(UTC)


Line = Annotated[str, AfterValidator(one_line), StringConstraints(strip_whitespace=True)]
"""One line of text."""

Text = Annotated[str, AfterValidator(many_lines)]
"""Text of any number of lines."""

Name = Annotated[Line, Field(min_length=1, max_length=200)]
"""What a person, a company or a record is called."""

Instant = Annotated[AwareDatetime, AfterValidator(_within_reason)]
"""A moment, with its time zone; in UTC once it is read."""

EmailAddress = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=_LONGEST_EMAIL),
    AfterValidator(_email_address),
    Field(json_schema_extra={"format": "email"}),
]
"""An e-mail address in the form we compare: lower case, its domain in ASCII."""
