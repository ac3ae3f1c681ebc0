"""Address lists (RFC 5322 §3.4) as mailers really write them."""

import re

from shared.mail.charsets import storable
from shared.mail.headers import decode_words, plain
from shared.mail.matching import normalize_email
from shared.mail.model import Address

ADDRESS_LIMIT = 2_000

_SIMPLE = re.compile(
    r"""(?:"([^"\\<>@,=]*)"\s*|([^"\\<>@,;:()=\[\]]*))<([A-Za-z0-9._%+=\-]+@[A-Za-z0-9.\-]+)>"""
)
_QUOTE = re.compile(r'\\.|"', re.DOTALL)
_BARE = re.compile(r"[A-Za-z0-9._%+=\-]+@[A-Za-z0-9.\-]+")
# Encoded words are one token: mailers put commas and quotes inside them, unencoded.
_TOKEN = re.compile(
    r"""(?P<word>=\?[^?\s]{1,60}\?[bBqQ]\?[^?]{0,2000}\?=)"""
    r"""|"(?P<quoted>(?:[^"\\]|\\.)*)(?:"|\\?\Z)"""
    r"""|<(?P<angle>[^<>]*)(?:>|\Z)"""
    r"""|(?P<space>\s+)"""
    r"""|(?P<mark>[,;:()])"""
    r"""|(?P<atom>[^\s"<>,;:()=]+|.)""",
    re.DOTALL,
)


def parse_addresses(values: list[bytes], hint: str = "") -> tuple[Address, ...]:
    """Every mailbox of these header fields in order, groups opened, empty groups gone."""
    found: list[Address] = []
    for value in values:
        text = plain(value, hint)
        simple = _simple(text)
        if simple:
            found.append(simple)
        else:
            found += _scanned(text, ADDRESS_LIMIT - len(found))
        if len(found) >= ADDRESS_LIMIT:
            break
    return tuple(found)


def _simple(text: str) -> Address | None:
    """`Name <user@host>` or `user@host`, which most fields are: no scanning needed."""
    match = _SIMPLE.fullmatch(text)
    if match:
        return _address(match.group(1) or match.group(2) or "", match.group(3))
    if _BARE.fullmatch(text):
        return _address("", text)
    return None


def _scanned(text: str, limit: int) -> list[Address]:
    text = _with_closed_quotes(text)
    found: list[Address] = []
    mailbox = _Mailbox()
    depth = 0
    for token in _TOKEN.finditer(text):
        kind, value = token.lastgroup or "atom", token.group(token.lastgroup or 0)
        if depth or (kind == "mark" and value == "("):
            depth = _comment(mailbox, depth, kind, value, token.group())
        elif kind == "mark" and value in ",;":
            mailbox.finish(found)
            mailbox = _Mailbox()
        elif kind == "mark" and value == ":":
            mailbox.colon()
        else:
            mailbox.add(kind, value, token.group())
        if len(found) >= limit:
            return found
    mailbox.finish(found)
    return found


def _with_closed_quotes(text: str) -> str:
    """Without its last quotation mark where that one is never closed."""
    marks = [found.start() for found in _QUOTE.finditer(text) if found.group() == '"']
    return text if len(marks) % 2 == 0 else text[: marks[-1]] + text[marks[-1] + 1 :]


def _comment(mailbox: "_Mailbox", depth: int, kind: str, value: str, whole: str) -> int:
    """The new depth of parentheses; what is inside them is kept as a possible name."""
    if kind == "mark" and value == "(":
        depth += 1
        if depth == 1:
            return depth
    elif kind == "mark" and value == ")":
        depth -= 1
        if depth == 0:
            mailbox.comment.append(" ")
            return depth
    mailbox.comment.append(whole)
    return depth


class _Mailbox:
    """The pieces of one mailbox while its tokens come in."""

    __slots__ = ("angle", "bare", "comment", "words")

    def __init__(self) -> None:
        self.words: list[str] = []  # the display name, with its spaces
        self.bare: list[str] = []  # the same without quotes taken off, should it be an addr-spec
        self.comment: list[str] = []
        self.angle: str | None = None

    def add(self, kind: str, value: str, whole: str) -> None:
        if kind == "angle":
            if self.angle is None or "@" not in self.angle:
                self.angle = value
            return
        if kind == "atom" and value in "<>":
            return  # a bracket too many
        if kind == "quoted":
            value = re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)
        self.words.append(value)
        self.bare.append(" " if kind == "space" else whole)

    def colon(self) -> None:
        """A group's name ends here, unless an address is being written (`[IPv6:…]`)."""
        if any("[" in word for word in self.bare):
            self.words.append(":")
            self.bare.append(":")
            return
        self.words, self.bare, self.comment = [], [], []

    def finish(self, found: list[Address]) -> None:
        name, comment = "".join(self.words), "".join(self.comment)
        if self.angle is not None:
            email = self.angle.strip()
            if email.startswith("@"):  # an obsolete route: <@relay,@relay:user@host>
                email = email.rpartition(":")[2].strip()
            if email or "@" not in name:
                self._keep(found, name if name.strip() else comment, email)
                return
        bare = "".join(self.bare).strip()
        if "@" in bare:
            email, rest = _spec_in(bare)
            self._keep(found, rest or comment, email)
        elif bare and not any(char.isspace() for char in bare):
            self._keep(found, comment, bare)

    def _keep(self, found: list[Address], name: str, email: str) -> None:
        address = _address(name, email)
        if address.email:
            found.append(address)


def _spec_in(bare: str) -> tuple[str, str]:
    """(address, other words) of an unbracketed mailbox, as in `Jane Doe jane@x.org`."""
    joined = re.sub(r"\s*([@.])\s*", r"\1", bare)
    if not any(char.isspace() for char in joined):
        return joined, ""
    words = joined.split()
    email = next((word for word in words if "@" in word), "")
    return email, " ".join(word for word in words if word is not email)


def _address(name: str, email: str) -> Address:
    decoded = " ".join(decode_words(name).split())
    if len(decoded) > 2 and decoded[0] == decoded[-1] and decoded[0] in "'\"":
        decoded = decoded[1:-1].strip()
    key = normalize_email(decode_words(email))[:320]
    return Address("" if decoded.lower() == key else storable(decoded)[:500], key)
