"""Header fields: splitting, unfolding, encoded words (RFC 2047) and parameters (RFC 2231)."""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, a2b_qp
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from shared.mail.charsets import codec, decode, storable

FIELD_LIMIT = 65_536
BLOCK_LIMIT = 1_048_576

_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)(?:\n|\Z)")
_FOLD = re.compile(r"\r?\n(?=[ \t])|[\r\n]+")
_WORD = re.compile(
    r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]{0,4000}(?:\?(?!=)[^?]{0,2000}){0,3})\?=", re.ASCII
)
_PARAMETER = re.compile(r';\s*([^\s=;"]{1,80})\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^;]*))', re.DOTALL)
_MAIN = re.compile(r"[^\s;(]*")
_CONTINUATION = re.compile(r"(.*?)(?:\*(\d{1,3}))?(\*)?", re.DOTALL)
_COMMENT_TAIL = re.compile(r"\s*\([^()]*\)\s*$")

Fields = dict[bytes, list[bytes]]


def split_fields(raw: bytes, start: int, end: int) -> tuple[Fields, int, bool]:
    """(fields by lower-cased name, offset of the body, whether a limit cut something).

    The block ends at a blank line, or at a line that cannot be a field (a lost blank line: the
    body begins there). An mbox `From ` line before the first field is skipped.
    """
    fields: Fields = {}
    if raw.startswith((b"From ", b">From "), start, end):
        start = raw.find(b"\n", start, end) + 1 or end
    limit = min(end, start + BLOCK_LIMIT)
    cut, position = False, start
    while position < limit:
        found = _FIELD.match(raw, position, end)
        if found is None:
            break
        value = found.group(2)
        if len(value) > FIELD_LIMIT:
            value, cut = value[:FIELD_LIMIT], True
        fields.setdefault(found.group(1).lower(), []).append(value)
        position = found.end()
    if position < limit:
        return fields, _skip_blank_line(raw, position, end), cut
    if position >= end:
        return fields, end, cut
    blank = re.compile(rb"\n\r?\n").search(raw, position - 1, end)
    return fields, blank.end() if blank else end, True


def _skip_blank_line(raw: bytes, position: int, end: int) -> int:
    for blank in (b"\r\n", b"\n"):
        if raw.startswith(blank, position, end):
            return position + len(blank)
    return position


def first(fields: Fields, name: bytes) -> bytes:
    """The first field of that name, or nothing. Later copies are what attackers append."""
    values = fields.get(name)
    return values[0] if values else b""


def plain(value: bytes, hint: str = "") -> str:
    """One unfolded line of text, encoded words left as they are."""
    text = value.decode("ascii") if value.isascii() else decode(value, "", hint)[0]
    if "\n" in text or "\r" in text:
        text = _FOLD.sub("", text)
    return storable(text.strip())


def unstructured(value: bytes, hint: str = "") -> str:
    """Readable text of a field such as Subject: decoded, white space collapsed."""
    return " ".join(decode_words(plain(value, hint)).split())


def decode_words(text: str) -> str:
    """RFC 2047 encoded words to text; also where the RFC forbids them but mailers write them."""
    if "=?" not in text:
        return text
    pieces: list[str] = []
    pending: list[tuple[str, bytes]] = []
    position = 0
    for found in _WORD.finditer(text):
        between = text[position : found.start()]
        if between.strip() or not pending:  # white space between two words is not text
            pieces += (_joined(pending), between)
            pending = []
        charset = found.group(1).partition("*")[0]
        pending.append((charset, _word_bytes(found.group(2), found.group(3), charset)))
        position = found.end()
    pieces += (_joined(pending), text[position:])
    return storable("".join(pieces))


def _joined(words: list[tuple[str, bytes]]) -> str:
    """Neighbours of one charset are joined as bytes first: a character may be split over two."""
    runs: list[tuple[str, bytes]] = []
    for charset, data in words:
        same = runs and runs[-1][0].lower() == charset.lower()
        # A stateful charset returns to ASCII in each word, so those are joined just as well.
        if same:
            runs[-1] = (charset, runs[-1][1] + data)
        else:
            runs.append((charset, data))
    return "".join(decode(data, charset)[0] for charset, data in runs)


def _word_bytes(encoding: str, payload: str, charset: str) -> bytes:
    # Raw 8-bit characters inside a word have been read already: back to the word's charset.
    data = payload.encode("ascii" if payload.isascii() else codec(charset) or "utf-8", "replace")
    if encoding in "qQ":
        return a2b_qp(data.replace(b" ", b"_"), header=True)
    try:
        return a2b_base64(data + b"==")
    except Base64Error:
        return _short_base64(data)


def _short_base64(data: bytes) -> bytes:
    kept = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
    return a2b_base64(kept[: len(kept) // 4 * 4])


@lru_cache(maxsize=512)
def parameterised(value: bytes) -> tuple[str, dict[str, str]]:
    """("text/plain", {"charset": "utf-8"}) of a Content-Type or Content-Disposition field.

    The dict is shared between callers: read it only.
    """
    text = plain(value[:FIELD_LIMIT])
    main = _MAIN.match(text).group().lower()  # pyright: ignore[reportOptionalMemberAccess] (matches "")
    text = text[len(main) :].lstrip()
    if not text:
        return main, {}
    if not text.startswith(";"):
        text = ";" + text  # a forgotten semicolon: `multipart/mixed boundary=x`
    pieces: dict[str, dict[int, tuple[bool, str]]] = {}
    for count, found in enumerate(_PARAMETER.finditer(text)):
        if count >= 100:
            break
        _collect(pieces, found)
    return main, {name: _assembled(parts) for name, parts in pieces.items()}


def _collect(pieces: dict[str, dict[int, tuple[bool, str]]], found: re.Match[str]) -> None:
    shape = _CONTINUATION.fullmatch(found.group(1).lower())
    if shape is None:
        return
    quoted, bare = found.group(2), found.group(3)
    if quoted is not None:
        value = re.sub(r"\\(.)", r"\1", quoted) if "\\" in quoted else quoted
    else:
        value = _COMMENT_TAIL.sub("", bare.strip()[:2000])
    index = int(shape.group(2) or -1)
    if shape.group(3) and index < 0:
        index = 0  # name*=utf-8''… is a continuation of one
    pieces.setdefault(shape.group(1), {}).setdefault(index, (bool(shape.group(3)), value))


def _assembled(parts: dict[int, tuple[bool, str]]) -> str:
    """RFC 2231: numbered pieces joined, percent-decoded in the charset the first one names."""
    numbered = [parts[index] for index in sorted(parts) if index >= 0]
    if not numbered:
        return decode_words(parts[-1][1])
    if not numbered[0][0]:
        joined = "".join(value for _, value in numbered)
        return decode_words(joined)
    charset, _, rest = numbered[0][1].partition("'")
    _, quote, head = rest.partition("'")
    if not quote:
        charset, head = "", numbered[0][1]
    encoded = [(True, head), *numbered[1:]]
    data = b"".join(
        unquote_to_bytes(value) if percent else value.encode("utf-8", "replace")
        for percent, value in encoded
    )
    return storable(decode(data, charset)[0])
