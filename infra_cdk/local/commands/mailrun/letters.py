"""The mails of a run: read from a folder or made from the samples, and spread over mailboxes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import parseaddr
from itertools import islice
from pathlib import Path

from infra_cdk.local.commands.failure import CannotDo

SAMPLES = Path(__file__).parents[2] / "samples"
MOST_IN_A_MAILBOX = 250
"""Gmail lets a mailbox's mails be read at 300 a minute (6,000 units, 20 each); the rest of the
minute's units is for asking what is new."""

_SUFFIXES = (".eml", ".txt")
_MBOX_LINE = re.compile(rb"\AFrom [^\n]*(?:\n|\Z)")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_MESSAGE_ID = re.compile(rb"<([^<>\s]+)>")
_ID_HEADERS = ("Message-ID", "In-Reply-To", "References")


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as it arrives, byte for byte; `name` says where it is from."""

    name: str
    raw: bytes

    @property
    def head(self) -> bytes:
        return _HEAD_END.split(self.raw, maxsplit=1)[0]


def read_folder(folder: Path) -> list[Letter]:
    """Every `.eml` and `.txt` below `folder`, in the order of their paths.

    An mbox's `From ` line in front, which belongs to the file and not to the mail, is left out.

    Raises:
        CannotDo: there is no such folder, no mail in it, or one cannot be read.
    """
    if not folder.is_dir():
        raise CannotDo(f"{folder} is not a folder; name one that holds .eml or .txt files.")
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in _SUFFIXES and p.is_file())
    if not paths:
        raise CannotDo(f"{folder} holds no .eml and no .txt file, so there is no mail to deliver.")
    try:
        return [
            Letter(str(path.relative_to(folder)), _MBOX_LINE.sub(b"", path.read_bytes()))
            for path in paths
        ]
    except OSError as error:
        raise CannotDo(f"{error.filename} cannot be read: {error.strerror}.") from error


def generate(count: int) -> list[Letter]:
    """`count` mails: the samples again and again, each round with its own ids and subjects."""
    samples = read_folder(SAMPLES)
    rounds = -(-count // len(samples))
    made = (_renumbered(letter, number) for number in range(rounds) for letter in samples)
    return list(islice(made, count))


def spread(letters: Sequence[Letter], most: int = MOST_IN_A_MAILBOX) -> list[list[Letter]]:
    """The mails by mailbox: as few mailboxes as take `most` each, a conversation all in one."""
    mailboxes: list[list[tuple[int, Letter]]] = [[] for _ in range(-(-len(letters) // most))]
    for conversation in sorted(_conversations(letters), key=len, reverse=True):
        min(mailboxes, key=len).extend(conversation)
    return [
        [letter for _, letter in sorted(mailbox, key=lambda numbered: numbered[0])]
        for mailbox in mailboxes
    ]


def sender(letter: Letter) -> tuple[str, str]:
    """The name and the address in `From`, as far as they can be read; for the demo's contacts."""
    value = _headers(letter.head).get("From")
    name, address = parseaddr(str(value or ""))
    return name, address.lower()


def _conversations(letters: Sequence[Letter]) -> Iterable[list[tuple[int, Letter]]]:
    """Mails whose Message-ID, In-Reply-To or References meet, with their places."""
    groups: dict[bytes, list[tuple[int, Letter]]] = {}
    for place, letter in enumerate(letters):
        ids = _ids(letter) or {b"%d" % place}
        met = {id(groups[one]): groups[one] for one in ids if one in groups}
        joined = sorted(
            (numbered for group in met.values() for numbered in group), key=lambda n: n[0]
        )
        joined.append((place, letter))
        for one in ids.union(*(_ids(other) for _, other in joined)):
            groups[one] = joined
    return {id(group): group for group in groups.values()}.values()


def _ids(letter: Letter) -> set[bytes]:
    headers = _headers(letter.head)
    values = [str(value) for name in _ID_HEADERS for value in headers.get_all(name, [])]
    return set(_MESSAGE_ID.findall(" ".join(values).encode("utf-8", "replace")))


def _headers(head: bytes) -> Message:
    return BytesHeaderParser(policy=compat32).parsebytes(head)


def _renumbered(letter: Letter, number: int) -> Letter:
    """The same mail as another one: ids of its own round, so that replies find their mail."""
    head = letter.head
    for one in _ids(letter):
        head = head.replace(b"<%b>" % one, b"<%d.%b>" % (number, one))
    head = re.sub(rb"(?im)^(Subject: )", rb"\g<1>[%d] " % (number + 1), head)
    rest = letter.raw[len(letter.head) :]
    return replace(letter, name=f"{letter.name} #{number + 1}", raw=head + rest)
