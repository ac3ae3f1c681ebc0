"""Text from outside, made fit to store and to show on one line."""

import unicodedata


def one_line(text: str) -> str:
    """`text` without control characters, runs of white space folded.

    Postgres takes neither NUL nor lone surrogates, and a line break in a name is never meant.

    Raises:
        ValueError: it holds a lone surrogate, which is no character.
    """
    _refuse_surrogates(text)
    kept = "".join(c if unicodedata.category(c) != "Cc" else " " for c in text)
    return " ".join(kept.split())


def many_lines(text: str) -> str:
    """`text` with line feeds for its line breaks, without control characters but those and tabs.

    Raises:
        ValueError: it holds a lone surrogate, which is no character.
    """
    _refuse_surrogates(text)
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in lines if c in "\n\t" or unicodedata.category(c) != "Cc")


def _refuse_surrogates(text: str) -> None:
    if any(unicodedata.category(character) == "Cs" for character in text):
        raise ValueError("contains a surrogate, which is not a character")
