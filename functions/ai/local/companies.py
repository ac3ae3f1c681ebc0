"""Companies: a legal form, the sender's own domain spelt out, or what stands beside a title."""

from __future__ import annotations

import re
from collections.abc import Iterator

from functions.ai.local.lexicon import word_set
from functions.ai.local.names import NOT_NAMES, folded
from functions.ai.local.reading import Piece, Reading, Region, entity, lowered, trimmed
from functions.ai.models import Entity
from shared.mail import FREE_MAIL_DOMAINS

# https://www.gleif.org/en/about-lei/code-lists/iso-20275-entity-legal-forms-code-list (a selection)
_LEGAL = re.compile(
    r"(?<=[\w.,&)] )(?:GmbH(?: & Co\. ?(?:KG|KGaA|OHG))?|mbH|gGmbH|AG(?: & Co\. ?KG)?|KG|KGaA|UG|"
    r"OHG|"
    r"e\. ?V\.|e\.G\.|Inc\b\.?|Incorporated|LLC|L\.L\.C\.|LLP|L\.P\.|LP|Corp\b\.?|Corporation|"
    r"Co\.,? Ltd\.?|Company,? (?:Inc\.?|Ltd\.?|LLC)|Company|Co\.|Ltd\b\.?|Limited|PLC|plc|"
    r"Pty\.? Ltd\.?|Pte\.? Ltd\.?|Pvt\.? Ltd\.?|Private Limited|SE|S\.A\.S?\.?|SA|SAS|SARL|"
    r"S\.à r\.l\.|"
    r"S\.A\. de C\.V\.|S\.L\.U?\.?|SL|SLU|S\.p\.A\.|SpA|S\.r\.l\.|Srl|SRL|Ltda\b\.?|"
    r"B\.V\.|BV|N\.V\.|NV|VOF|Oy|Oyj|AB|ASA|AS|A/S|ApS|K\.K\.|KK|"
    r"Kft\b\.?|Zrt\b\.?|s\.r\.o\.|a\.s\.|Sp\. z o\.o\.|d\.o\.o\.)(?!\w)"
)
_AMBIGUOUS = word_set("AG AB AS SA SE SL LP KG NV BV UG KK Co. Company Limited")
_WORDS_IN_CAPITALS = word_set("AS SA SE SL LP")
_GENERIC = word_set(
    "american and entire export group holding import insurance international listed management "
    "north"
    " our parent private public same south the trading u.s. uk us whole"
)
_CONNECTORS = word_set("& and und et y e of de di da do du + 'n' -")
_NOT_FIRST = word_set(
    "a an and as at copyright © bei by chez con da de dear der die do du el for from hello hi i "
    "in la le les my"
    " of on our please re the to und unsere via von we wir with your y"
)
_WORKS_FOR = re.compile(
    r"(?<!\w)(?:i work (?:at|for)|i(?:['\u2019]m| am) (?:employed|working) (?:at|by|for)|"
    r"calling from|"
    r"ich arbeite (?:bei|für)|je travaille chez|de la société|trabajo en|de la empresa|"
    r"lavoro (?:per|in)|dell['\u2019]azienda|da empresa|trabalho na|ik werk (?:bij|voor)) (?=\w)"
)
_EMPLOYER = re.compile(r"[^\s,;:.!?()]+")
_NAME_END = re.compile(r"\t| {2,}|[|,•·@\d]|\s[-\u2013—]\s")
_TOKEN = re.compile(r"[^\s,()]+,?")


def find_companies(reading: Reading) -> Iterator[Entity | None]:
    """Companies, the surest first."""
    body = reading.body
    for region in reading.regions:
        yield from _with_legal_form(region)
    yield from _of_domain(reading)
    for found in _WORKS_FOR.finditer(lowered(body.text)):
        yield _employer(body, found.end())


def _with_legal_form(region: Region) -> Iterator[Entity | None]:
    floor = 0
    for found in _LEGAL.finditer(region.text):
        start = _name_before(region, floor, found.start())
        floor = found.end()
        if start == found.start():
            continue
        piece = trimmed(region, start, found.end())
        line_start = region.text.rfind("\n", 0, found.start()) + 1
        shouted = region.text[line_start : found.start()].isupper()
        if found[0] in _WORDS_IN_CAPITALS and shouted:
            continue
        before = region.text[start : found.start()].casefold().replace(",", " ").split()
        if all(word in _GENERIC for word in before):
            continue
        yield entity(piece, "company", 0.7 if found[0] in _AMBIGUOUS else 0.9)


def _name_before(region: Region, floor: int, end: int) -> int:
    """Where the capitalised words before `end` begin: at most five, all on its line."""
    line_start = max(region.text.rfind("\n", 0, end) + 1, floor, end - 80)
    tokens = list(_TOKEN.finditer(region.text, line_start, end))
    start, after = end, end
    for token in reversed(tokens[-5:]):
        word = token[0].rstrip(",")
        if after - token.end() > 1 or (token[0].endswith(",") and start != end):
            break
        if word in _CONNECTORS and start != end:
            after = token.start()
            continue
        if not (word[0].isupper() or word[0].isdigit()) or word.endswith((":", ";", "!", "?")):
            break
        if word[0].isdigit() and len(word) > 3:
            break
        start = after = token.start()
    return _past_weak_words(region.text, start, end)


def _past_weak_words(text: str, start: int, end: int) -> int:
    """A sentence's first word is capitalised too: "The", "Dear", "At" begin no company's name."""
    for token in _TOKEN.finditer(text, start, end):
        word = token[0]
        if word.casefold().rstrip(",.") not in _NOT_FIRST and word not in _CONNECTORS:
            return token.start() if not word[0].isdigit() or token.end() < end - 1 else end
    return end


def domain_label(address: str) -> str:
    """`ann@mail.northwind.co.uk` is `northwind`; free mail providers and odd domains are ''."""
    domain = address.rpartition("@")[2].casefold().strip(".")
    labels = domain.split(".")
    if len(labels) < 2 or domain in FREE_MAIL_DOMAINS:
        return ""
    second = labels[-2] in {"ac", "co", "com", "edu", "gov", "net", "org", "gob", "or", "ne"}
    label = labels[-3] if second and len(labels) > 2 else labels[-2]
    return label if 3 <= len(folded(label)) <= 40 else ""


def _of_domain(reading: Reading) -> Iterator[Entity | None]:
    """The company the sender's domain names, where the mail spells it out."""
    label = domain_label(reading.sender_email)
    owner = {folded(word) for word in reading.sender_name.split()}
    if not label or label in NOT_NAMES or (len(owner) > 1 and label in owner):
        return  # "email" and "online" are words, and Ann Lee's own lee.org is no company
    spelt = r"[ .&'\u2019\-]?".join(re.escape(c) for c in label if c.isalnum())
    pattern = re.compile(rf"(?<![\w@./\-]){spelt}(?![\w@]|[.\-]\w)", re.IGNORECASE)
    for region in reading.regions:
        for found in pattern.finditer(region.text):
            if found[0][0].isupper() or found[0][0].isdigit():
                yield _around(region, found.start(), found.end())
                break


def _around(region: Region, start: int, end: int) -> Entity | None:
    """In a signature the rest of the line belongs to the name: "Enron" of "Enron North America"."""
    piece = trimmed(region, start, end)
    line_start = region.text.rfind("\n", 0, start) + 1
    if region.source == "subject" or region.text[line_start:start].strip():
        return entity(piece, "company", 0.6)
    rest = _NAME_END.split(region.text[end:].partition("\n")[0])[0]
    words = rest.split()
    named = len(words) <= 4 and all(w[0].isupper() or w in _CONNECTORS for w in words)
    if named and region.source == "signature":
        piece = trimmed(region, start, end + len(rest))
    return entity(piece, "company", 0.85)


def _employer(body: Region, start: int) -> Entity | None:
    """The capitalised words after "I work for"."""
    run = start
    for token in _EMPLOYER.finditer(body.text, start, start + 60):
        if token.start() - run > 1 or not (token[0][0].isupper() or token[0] in _CONNECTORS):
            break
        run = token.end()
    return beside_title(trimmed(body, start, run), 0.55)


def beside_title(piece: Piece, confidence: float = 0.5) -> Entity | None:
    """The piece as a company where it is one to five capitalised words."""
    words = piece.text.split()
    if not 1 <= len(words) <= 5 or words[0].casefold() in _NOT_FIRST or len(words[0]) < 2:
        return None
    if any(not (w[0].isupper() or w in _CONNECTORS) or w.isdigit() for w in words):
        return None
    return entity(piece, "company", confidence)
