"""Text from outside, made fit to store and to show on one line."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, StringConstraints


def one_line(text: str) -> str:
    """`text` without control characters, runs of white space folded.

    Postgres takes neither NUL nor lone surrogates, and a line break in a name is never meant.

    Raises:
        ValueError: it holds a lone surrogate, which is no character.
    """
    if any(unicodedata.category(character) == "Cs" for character in text):
        raise ValueError("contains a surrogate, which is not a character")
    kept = "".join(c if unicodedata.category(c) != "Cc" else " " for c in text)
    return " ".join(kept.split())


Line = Annotated[str, AfterValidator(one_line), StringConstraints(strip_whitespace=True)]
"""One line of text."""
