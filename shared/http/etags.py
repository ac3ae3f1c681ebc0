"""Entity tags: a record's version, so that nobody overwrites what they have not seen (RFC 9110)."""

from typing import Annotated

from fastapi import Header, Response

from shared.errors import BadRequest, FieldError, PreconditionRequired

IfMatch = Annotated[
    str | None, Header(alias="If-Match", description="ETag of the record as it was read.")
]


def set_etag(response: Response, version: int) -> None:
    """Put the record's version on the response."""
    response.headers["ETag"] = f'"{version}"'


def expected_version(if_match: str | None) -> int | None:
    """The version the caller read; None for `*`, which matches any.

    Raises:
        PreconditionRequired: there is no If-Match.
        BadRequest: it is not an ETag that we gave.
    """
    if if_match is None:
        raise PreconditionRequired
    if if_match.strip() == "*":
        return None
    tag = if_match.strip().removeprefix("W/")
    digits = tag[1:-1]
    if tag[:1] + tag[-1:] == '""' and digits.isascii() and digits.isdigit() and len(digits) <= 18:
        return int(digits)
    raise BadRequest(
        "If-Match is not an ETag of this API.",
        errors=(FieldError("/header/if-match", 'expected a tag such as "3"', "invalid_etag"),),
    )
