"""What the person newly wrote: the text without quotes, forwarded mail and signature.

A line-by-line reading with rules that hold across mail programs. Where a rule is unsure it
leaves the line in: a quote too many costs a glance, a sentence lost costs the meaning.
"""

import re

from shared.mail import quotemarks
from shared.mail.model import Address
from shared.mail.signatures import find_signature

READ_LIMIT = 100_000  # characters looked at; a mail longer than that is quoted text at its end
LINE_LIMIT = 500
ATTRIBUTION_LINES = 6
ATTRIBUTIONS_LIMIT = 20
SIGNATURE_LINES = 6  # text after the last quote that may be a signature below it

_INVISIBLE = re.compile("[\u200b-\u200d\u2060\ufeff\u1427]")  # U+1427: a tracker's mark in Gmail
_QUOTED = re.compile(r"\s*(?:>|[A-Z]\w{0,11}>(?:\s|$))")  # also "Jane> " of some mailers
_PAIR = re.compile("--|__|==")


def split_reply(text: str, sender: Address | None = None) -> tuple[str, str]:
    """(new text, signature). Of a mail that is nothing but quotes, the whole text.

    Without a `sender` only explicit delimiters and lines such as "Sent from my phone" are
    taken for a signature.
    """
    head, tail = text[:READ_LIMIT], text[READ_LIMIT:]
    if not head.isascii():
        head = _INVISIBLE.sub("", head)
    lines = [line.rstrip() for line in head.split("\n")]
    kept, cut = _without_quotes(lines)
    signature = ""
    if cut or not tail:
        kept, signature_lines = find_signature(kept, sender)
        kept = _without_edge_quotes(kept)
        signature = "\n".join(signature_lines).strip()
    reply = "\n".join(_trimmed(kept))
    if not reply:
        return text.strip(), ""
    return (reply if cut else reply + tail), signature


def _trimmed(lines: list[str]) -> list[str]:
    """Without empty lines at both ends, and without ruled lines at the end."""
    start, end = 0, len(lines)
    while end and (not lines[end - 1].strip() or _is_rule(lines[end - 1])):
        end -= 1
    while start < end and not lines[start].strip():
        start += 1
    return lines[start:end]


def _is_rule(line: str) -> bool:
    """A line of dashes, stars and the like. No regular expression: those overlap badly here."""
    body = line.strip(" \t>")
    return body == "--" or (len(body) >= 3 and not body.strip("-_=*~#+ "))


def _without_quotes(lines: list[str]) -> tuple[list[str], bool]:
    """(lines left, whether everything after them was dropped)."""
    end = _embedded_at(lines)
    cut = end < len(lines)
    lines = lines[:end]
    start = 0
    for _ in range(ATTRIBUTIONS_LIMIT):
        found = _attribution(lines, start)
        if found is None:
            break
        first, after = found
        if _ends_reply(lines, first, after):
            lines, cut = lines[:first], True
            break
        if _announces_quote(lines, first, after):
            skip = _leading_quote(lines, first, after)
            lines = lines[:first] + lines[skip:]
            start = first
        else:
            start = after
    return _without_edge_quotes(lines), cut


def _embedded_at(lines: list[str]) -> int:
    """Where an unmarked copy of another mail begins; a mail that begins with one is a forward."""
    written = False
    for index, line in enumerate(lines):
        if not line or len(line) > LINE_LIMIT:
            written = written or bool(line)
        elif _begins_copy(lines, index, line):
            return index if written else len(lines)
        else:
            written = written or not _is_rule(line)
    return len(lines)


def _begins_copy(lines: list[str], index: int, line: str) -> bool:
    if (line[-1] == ":" or _PAIR.search(line)) and quotemarks.original.fullmatch(line):
        return True
    if line.lstrip(" *")[:1].isdigit() and quotemarks.dated_name.fullmatch(line):
        return not "".join(lines[index - 1 : index] + lines[index + 1 : index + 2]).strip()
    return _is_header_block(lines, index)


def _is_header_block(lines: list[str], index: int) -> bool:
    """A "From:" line, and three sorts of field within it and the lines after it."""
    if quotemarks.field_kind(lines[index]) != "from":
        return False
    kinds: set[str] = set()
    misses = 0
    for line in lines[index : index + 16]:
        kind = quotemarks.field_kind(line)
        if kind:
            kinds.add(kind)
        elif line.strip():
            misses += 1  # a field that goes on in the next line
        if misses > 2 or len(kinds) >= 4:
            break
    return len(kinds) >= 3 and bool(kinds & {"date", "subject"})


def _attribution(lines: list[str], start: int) -> tuple[int, int] | None:
    """(first line, line after) of the next "On … somebody wrote:", which may be wrapped."""
    for end in range(start, len(lines)):
        line = lines[end].rstrip(" *_>")
        if not line.endswith(quotemarks.COLONS):
            continue
        if len(line) > LINE_LIMIT:
            continue
        first = _attribution_start(lines, end, start)
        if first is not None:
            return first, end + 1
    return None


def _attribution_start(lines: list[str], end: int, floor: int) -> int | None:
    shortest: int | None = None
    joined = ""
    for first in range(end, max(floor - 1, end - ATTRIBUTION_LINES), -1):
        line = lines[first][:LINE_LIMIT]
        joined = f"{line} {joined}"
        if len(joined) > LINE_LIMIT:
            break
        if not quotemarks.wrote.search(joined):
            if first < end - 2:
                break
            continue
        if quotemarks.opens.match(line) and quotemarks.weak_evidence.search(joined):
            return first
        if shortest is None and line.strip() and quotemarks.evidence.search(joined):
            shortest = first
        if first < end and line.endswith((".", "!", "?")):
            break  # a sentence above: not part of it
    return shortest


def _is_quoted(line: str) -> bool:
    return bool(_QUOTED.match(line))


def _ends_reply(lines: list[str], first: int, after: int) -> bool:
    """Whether the new text ended before the attribution in lines first to after.

    It did unless the person wrote above nothing (reply below the quote) or between quotes.
    """
    if not any(line.strip() and not _is_rule(line) for line in lines[:first]):
        return False
    rest = lines[after:]
    quoted = [index for index, line in enumerate(rest) if _is_quoted(line)]
    if not quoted:  # unmarked copies are Outlook's way, and it names a time or an address
        return bool(quotemarks.evidence.search(" ".join(lines[first:after])))
    written = [index for index, line in enumerate(rest) if line.strip() and not _is_quoted(line)]
    answers = [index for index in written if index > quoted[0]]
    if not answers:
        return True
    if answers[0] > quoted[-1]:
        below, _ = find_signature(rest[answers[0] :], None)
        return sum(bool(line.strip()) for line in below) <= SIGNATURE_LINES
    return _are_wrapped_quotes(rest, answers)


def _are_wrapped_quotes(rest: list[str], answers: list[int]) -> bool:
    """Whether what looks written between quotes is only the ends of lines a mailer broke."""
    for index in answers:
        before = rest[index - 1] if index else ""
        after = rest[index + 1] if index + 1 < len(rest) else ""
        if not (_is_quoted(before) and _is_quoted(after) and len(before) > 60):
            return False
    return True


def _announces_quote(lines: list[str], first: int, after: int) -> bool:
    """Whether it is a mailer's line, not the writer's own "In 2015 Kim wrote:"."""
    following = next((line for line in lines[after:] if line.strip()), "")
    return _is_quoted(following) or bool(quotemarks.evidence.search(" ".join(lines[first:after])))


def _leading_quote(lines: list[str], first: int, after: int) -> int:
    """Of a reply below its quote: the line after the quote; else only the attribution goes."""
    if any(line.strip() for line in lines[:first]):
        return after
    index = after
    while index < len(lines) and (not lines[index].strip() or _is_quoted(lines[index])):
        index += 1
    return index if index < len(lines) else after


def _without_edge_quotes(lines: list[str]) -> list[str]:
    """Without quotes at the very end, and at the very beginning, where anything else remains."""
    if not any(line.strip() and not _is_quoted(line) for line in lines):
        return lines
    end = len(lines)
    while end and (not lines[end - 1].strip() or _is_quoted(lines[end - 1])):
        end -= 1
    return lines[:end]
