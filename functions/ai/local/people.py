"""Names of people: the sender's, the one a mail is signed with, and those a mail introduces."""

from __future__ import annotations

import re
from collections.abc import Iterator

from functions.ai.local.names import (
    HONORIFICS,
    PARTICLES,
    SUFFIXES,
    agrees,
    folded,
    is_name,
    name_words,
    readable,
)
from functions.ai.local.reading import (
    Piece,
    Reading,
    Region,
    entity,
    lines,
    lowered,
    trimmed,
)
from functions.ai.models import Entity
from shared.mail.signatures import SIGN_OFF

# Display names carry more than a name: "Ann Lee via Docs", "Ann Lee | Acme", "Ann Lee (Houston)".
_AFTER_NAME = re.compile(r"\s(?:via|at|from|@)\s|\s*[|/(\[<]|\s[-\u2013—]\s|\sc/o\s")
_WORD = r"[^\W\d_](?:[^\W\d_]|['\u2019\-]){0,24}"
# A full stop after a long last word ends the sentence; after "Jr" or "K" it is the name's.
_NAME_WORD = re.compile(r"[^\s,;:!?()<>\"]+")
_SENTENCE_END = re.compile(r"[^\W\d_]{3}\.$")
_ADDRESSED = re.compile(r"(?<=\w) ?[<(\[](?:mailto:)?[\w.+\-]{1,64}@")
_INTRODUCED = re.compile(
    r"(?<!\w)(?:(?:i am|i['\u2019]m|my name is|this is|my colleagues?|our colleague|"
    r"copying(?: in)?|"
    r"cc['\u2019]?ing|looping in|introduce(?: you to)?|meet with|please contact|reach out to|"
    r"speak (?:to|with)|spoke (?:to|with)|talk (?:to|with)|met with|on behalf of|ich bin|"
    r"mein name ist|meine? kolleg(?:e|in|en)|unsere? kolleg(?:e|in|en)|je suis|"
    r"je m['\u2019]appelle|"
    r"mon collègue|ma collègue|soy|me llamo|mi compañer[oa]|mi colega|mi chiamo|sono|"
    r"il mio collega|la mia collega|chamo-me|meu nome é|meu colega|minha colega|mijn collega|"
    r"ik ben|mijn naam is),?"
    r"|(?:mr|mrs|ms|dr|prof|sr|sra|dott|ing|dhr|mevr)\.|mr|mrs|ms|herrn?|frau|mme|monsieur|"
    r"madame|señora?|signora?)[ \n](?=\w)"
)
GREETING = re.compile(
    r"[ \t]*(?:hi|hello|hey|dear|good (?:morning|afternoon|day)|hallo|liebe[r]?|guten (?:tag|"
    r"morgen)|"
    r"sehr geehrte[r]?|bonjour|salut|cher|chère|hola|estimad[oa]|querid[oa]|buenos días|ciao|"
    r"gentile|buongiorno|caro|cara|olá|prezad[oa]|car[oa]|beste|geachte|hoi|goedemorgen)[ ]"
    rf"((?:{_WORD}\.?[ ]?){{1,4}})[ \t]*[,!:\-\u2013—]?[ \t\r]*",
    re.IGNORECASE,
)


def find_people(reading: Reading) -> Iterator[Entity | None]:
    """Persons of the header, the signature, the text (addressed, introduced) and the greeting."""
    yield sender(reading)
    yield from _signed(reading.signature, reading)
    yield from _in_text(reading.body)
    yield from _greeted(reading.body)


def sender(reading: Reading) -> Entity | None:
    """The person of the From header, in reading order; None for teams, brands and robots."""
    name = reading.sender_name
    end = found.start() if (found := _AFTER_NAME.search(name)) else len(name)
    piece = trimmed(Region("sender_name", name, name), 0, end)
    piece = Piece(piece.region, piece.text.rstrip("'\u2019"), piece.start)
    local, _, domain = reading.sender_email.partition("@")
    value = _in_order(piece.text, local)
    value = value.title() if value.islower() else value
    if not is_name(value, least=1) or folded(value) in folded(domain):
        return None  # the latter is a brand that writes in its own name, such as "GitHub"
    return entity(piece, "person", 0.95 if " " in value else 0.5, readable(value))


def _in_order(name: str, local: str) -> str:
    """`Lee, Ann` and `Lee  Ann` (a comma lost on the way) become `Ann Lee`."""
    parts = [p.strip() for p in (name.split(",") if "," in name else re.split(r" {2,}", name))]
    parts = [p for p in parts if p and p.casefold().strip(".") not in SUFFIXES]
    if len(parts) == 2:
        first, second = parts
        starts_with_first = folded(local).startswith(folded(first.split()[0]))
        if len(first.split()) > 1 and starts_with_first:
            parts = [first]  # "Ann Lee, Acme"
        elif not (" " * 2 in name and starts_with_first):
            parts = [second, first]
    words = [w for part in parts for w in part.split() if not _is_title(w)]
    return " ".join(words)


def _is_title(word: str) -> bool:
    return word.casefold().strip(".,") in HONORIFICS | SUFFIXES


def _signed(region: Region, reading: Reading) -> Iterator[Entity | None]:
    """Full names on the first lines of a signature; far down only where From confirms them."""
    after_closing = False
    for number, line in enumerate(lines(region, most=14)):
        head = trimmed(region, line.start, line.start + _first_column(line.text))
        if is_name(head.text):
            confirmed = agrees(head.text, reading.sender_name, reading.sender_email)
            if confirmed or after_closing or number == 0:
                unconfirmed = 0.3 if reading.sender_name else 0.5
                confidence = 0.95 if confirmed else 0.7 if after_closing else unconfirmed
                yield entity(head, "person", confidence, _bare(head.text))
        after_closing = bool(SIGN_OFF.fullmatch(line.text))


def _first_column(line: str) -> int:
    found = re.search(r"\t| {3,}|[|,•·]|\s[-\u2013—]\s", line)
    return found.start() if found else len(line)


def _bare(name: str) -> str:
    return readable(" ".join(word for word in name.split() if not _is_title(word)))


def _in_text(body: Region) -> Iterator[Entity | None]:
    for found in _ADDRESSED.finditer(body.text):
        yield _before(body, found.start())
    for found in _INTRODUCED.finditer(lowered(body.text)):
        yield _named(body, found.end(), 0.6)


def _before(body: Region, end: int) -> Entity | None:
    """The full name that ends where its address begins."""
    start = max(body.text.rfind("\n", 0, end) + 1, end - 60)
    words = list(re.finditer(r"[^\s,;:()]+", body.text[start:end]))[-4:]
    best: Piece | None = None
    for word in reversed(words):
        piece = trimmed(body, start + word.start(), end)
        if not name_words(word[0]) or not (word[0][0].isupper() or word[0] in PARTICLES):
            break
        best = piece if is_name(piece.text) else best
    return entity(best, "person", 0.85, _bare(best.text)) if best else None


def _named(body: Region, start: int, confidence: float) -> Entity | None:
    """The longest run of capitalised words from `start`, where it reads as a full name."""
    run = start
    for found in _NAME_WORD.finditer(body.text, start, start + 60):
        if found.start() - run > 1:
            break
        word = found[0]
        if not word[0].isupper() and word not in PARTICLES:
            break
        if not name_words(word) and not _is_title(word):
            break
        run = found.end()
    if _SENTENCE_END.search(body.text[start:run]):
        run -= 1
    piece = trimmed(body, start, run)
    if piece.text.isupper() or not is_name(piece.text):
        return None
    return entity(piece, "person", confidence, _bare(piece.text))


def _greeted(body: Region) -> Iterator[Entity | None]:
    """Whom the mail greets: weak, since a greeting often has the first name alone."""
    for line in lines(body, most=1):
        found = GREETING.fullmatch(line.text)
        if found is None:
            return
        start = line.start + found.start(1)
        piece = trimmed(body, start, start + len(found[1]))
        if is_name(piece.text, least=1):
            full = len(name_words(piece.text)) > 1
            yield entity(piece, "person", 0.5 if full else 0.3, _bare(piece.text))
