"""A mail's parts: where each begins and ends in the raw bytes, and what a leaf decodes to.

Our own splitter: the standard library's raises RecursionError at 1,000 nested multiparts and
compares every line with every open boundary. Here a level costs one `bytes.find` per delimiter,
and nothing is copied until a leaf is decoded.
"""

import re
from binascii import Error as BinasciiError
from binascii import a2b_base64, a2b_qp, a2b_uu
from dataclasses import dataclass, field

from shared.mail.headers import Fields, first, parameterised, split_fields

DEPTH_LIMIT = 50
PART_LIMIT = 500

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64))
_TYPE = re.compile(r"[\w!#$&^.+%*'`|~-]+/[\w!#$&^.+%*'`|~-]+", re.ASCII)


@dataclass(slots=True)
class Part:
    """One node of the MIME tree. `start` and `end` delimit its body in the raw mail."""

    number: str
    fields: Fields
    content_type: str
    params: dict[str, str]
    disposition: str
    disposition_params: dict[str, str]
    start: int
    end: int
    children: list["Part"] = field(default_factory=list["Part"])

    @property
    def filename(self) -> str:
        """As the mail says; "" where it does not."""
        return self.disposition_params.get("filename") or self.params.get("name", "")


@dataclass(slots=True)
class _Budget:
    parts: int
    defects: set[str]


def split(raw: bytes) -> tuple[Part, set[str]]:
    """The tree of parts, and the defects met. A single-part mail is one leaf numbered "1"."""
    defects: set[str] = set()
    budget = _Budget(PART_LIMIT, defects)
    root = _part(raw, 0, len(raw), "", "text/plain", 0, budget)
    if not root.children:
        root.number = "1"
    return root, defects


def leaves(part: Part) -> list[Part]:
    """Every leaf in the order of the mail."""
    if not part.children:
        return [part]
    return [leaf for child in part.children for leaf in leaves(child)]


def content(raw: bytes, number: str) -> bytes | None:
    """The decoded bytes of the leaf with that number, or None where there is no such leaf."""
    raw = line_feeds(raw)
    root, _ = split(raw)
    found = next((leaf for leaf in leaves(root) if leaf.number == number), None)
    return None if found is None else decoded(raw, found)[0]


def line_feeds(raw: bytes) -> bytes:
    """The mail itself, or with line feeds where it has bare carriage returns only."""
    return raw if b"\n" in raw else raw.replace(b"\r", b"\n")


def _part(
    raw: bytes, start: int, end: int, number: str, default: str, depth: int, budget: _Budget
) -> Part:
    budget.parts -= 1
    fields, body, cut = split_fields(raw, start, end)
    if cut:
        budget.defects.add("truncated")
    content_type, params = parameterised(first(fields, b"content-type"))
    disposition, disposition_params = parameterised(first(fields, b"content-disposition"))
    if not _TYPE.fullmatch(content_type):
        content_type = default if content_type in ("", "text") else _unreadable(disposition)
    part = Part(number, fields, content_type, params, disposition, disposition_params, body, end)
    if content_type.startswith("multipart/"):
        _divide(raw, part, depth, budget)
    return part


def _unreadable(disposition: str) -> str:
    return "application/octet-stream" if disposition == "attachment" else "text/plain"


def _divide(raw: bytes, part: Part, depth: int, budget: _Budget) -> None:
    boundary = part.params.get("boundary", "").rstrip()
    ranges = _ranges(raw, part.start, part.end, boundary, budget) if boundary else []
    if depth >= DEPTH_LIMIT:
        budget.defects.add("too_deep")
    elif ranges:
        default = "message/rfc822" if part.content_type == "multipart/digest" else "text/plain"
        for index, (start, end) in enumerate(ranges, 1):
            if budget.parts <= 0:
                budget.defects.add("too_many_parts")
                break
            number = f"{part.number}.{index}" if part.number else str(index)
            part.children.append(_part(raw, start, end, number, default, depth + 1, budget))
    if not part.children:  # no delimiter found, or too deep: what is there is read as text
        budget.defects.add("no_boundary")
        part.content_type = "text/plain"


def _ranges(
    raw: bytes, start: int, end: int, boundary: str, budget: _Budget
) -> list[tuple[int, int]]:
    """(start, end) of each body part between the delimiter lines of this boundary."""
    delimiter = b"--" + boundary.encode()
    found: list[tuple[int, int]] = []
    opened: int | None = None
    position = start
    while len(found) <= budget.parts:
        at = raw.find(delimiter, position, end)
        if at < 0:
            break
        line_end = raw.find(b"\n", at, end)
        line_end = end if line_end < 0 else line_end + 1
        position = line_end
        rest = raw[at + len(delimiter) : line_end].strip(b" \t\r\n")
        if (at > start and raw[at - 1 : at] != b"\n") or rest not in (b"", b"--"):
            continue
        if opened is not None:
            found.append((opened, _before_line_break(raw, opened, at)))
        opened = line_end
        if rest == b"--":
            return found
    # The closing delimiter is missing: the last part runs to the end, if there is anything in it.
    if opened is not None and raw[opened : opened + 1_000].strip():
        found.append((opened, end))
    return found


def _before_line_break(raw: bytes, start: int, at: int) -> int:
    """The line break before a delimiter belongs to the delimiter (RFC 2046 §5.1.1)."""
    if at > start and raw[at - 1 : at] == b"\n":
        at -= 1
        if at > start and raw[at - 1 : at] == b"\r":
            at -= 1
    return at


def decoded(raw: bytes, part: Part, limit: int | None = None) -> tuple[bytes, str | None]:
    """(the leaf's bytes, the defect word "bad_base64" or None); at most `limit` encoded bytes."""
    end = part.end if limit is None else min(part.end, part.start + limit)
    data = raw[part.start : end]
    encoding = first(part.fields, b"content-transfer-encoding").split(b";")[0].strip().lower()
    if encoding in (b"base64", b'"base64"'):
        return _base64(data)
    if encoding in (b"quoted-printable", b'"quoted-printable"'):
        return a2b_qp(data), None
    if encoding in (b"x-uuencode", b"uuencode", b"x-uue", b"uue"):
        return _uuencoded(data)
    return data, None


def _base64(data: bytes) -> tuple[bytes, str | None]:
    kept = data.translate(None, _NOT_BASE64)
    padding = kept.find(b"=")
    body = kept.rstrip(b"=")
    if 0 <= padding < len(body):  # several encodings one after another
        pieces = [_quads(piece) for piece in kept.split(b"=") if piece]
        return b"".join(pieces), "bad_base64"
    odd = len(kept) % 4 or data.translate(None, _BASE64 + b"\r\n\t ")
    return _quads(body), "bad_base64" if odd else None


def _quads(body: bytes) -> bytes:
    rest = len(body) % 4
    if rest == 1:  # six bits make no byte
        body = body[:-1]
    return a2b_base64(body + b"=" * (-len(body) % 4))


def _uuencoded(data: bytes) -> tuple[bytes, str | None]:
    out, bad = bytearray(), False
    for line in data.splitlines():
        if line.startswith(b"begin ") or not line.strip():
            continue
        if line.strip() in (b"end", b"`"):
            break
        try:
            out += a2b_uu(line)
        except BinasciiError:
            bad = True
    return bytes(out), "bad_base64" if bad else None
