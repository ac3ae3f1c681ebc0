"""Job titles, line by line: in a signature a whole stretch of a line, in the text "our CFO".

Reading across a line break would join "VP of Sales" with the company on the next line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from functions.ai.local.companies import beside_title, domain_label
from functions.ai.local.lexicon import word_set
from functions.ai.local.names import folded
from functions.ai.local.reading import Piece, Reading, Region, entity, lines, lowered, trimmed
from functions.ai.models import Entity

_HEAD = re.compile(
    r"(?<![\w@.])(?:CEO|CFO|CTO|COO|CMO|CIO|CISO|CPO|CRO|CHRO|[SE]?VP|MD|President|"
    r"Vice[ -]President|"
    r"Chair(?:man|woman|person)?|Founder|Co-?[Ff]ounder|Owner|Partner|Principal|Director|Head|"
    r"Chief|"
    r"Manager|Managing Director|Supervisor|Coordinator|Administrator|Officer|Executive|Assistant|"
    r"Secretary|Receptionist|Analyst|Consultant|Advis[oe]r|Specialist|Engineer|Developer|Architect|"
    r"Designer|Scientist|Researcher|Professor|Lecturer|Teacher|Accountant|Controller|Auditor|"
    r"Treasurer|Buyer|Planner|Recruiter|Attorney|Lawyer|Counsel|Solicitor|Paralegal|Broker|Trader|"
    r"Representative|Associate|Agent|Technician|Operator|Editor|Writer|Journalist|Producer|"
    r"Strategist|"
    r"Evangelist|Lead|Intern|Trainee|Dean|Fellow|"
    r"Geschäftsführer(?:in)?|Inhaber(?:in)?|Vorst[aä]nd|Prokurist(?:in)?|Leiter(?:in)?|Leitung|"
    r"[A-ZÄÖÜ][a-zäöüß]{2,24}(?:leiter|berater|ingenieur|referent|assistent|entwickler|"
    r"beauftragter?|"
    r"manager|verwalter|führer)(?:in)?|Berater(?:in)?|Sachbearbeiter(?:in)?|Einkäufer(?:in)?|"
    r"Ingenieur(?:in|e)?|Steuerberater(?:in)?|"
    r"Direct(?:eur|rice)|G[ée]rante?|Responsable|Chef(?:fe)? de|Charg[ée]e? (?:de|d['\u2019])|PDG|"
    r"Président(?:e)?|Associée?|Avocate?|Comptable|Acheteu(?:r|se)|Commercial(?:e)?|"
    r"Directora?|Gerente|Jef[ea]|Encargad[oa]|Responsable|Ingenier[oa]|Asesora?|Abogad[oa]|"
    r"Contador[a]?|"
    r"Direttore|Direttrice|Responsabile|Amministrat(?:ore|rice)|Ingegnere|Avvocato|Consulente|"
    r"Titolare|"
    r"Diretora?|Gestora?|Engenheir[oa]|Advogad[oa]|Coordenador[a]?|Analista|Consultora?|Sóci[oa]|"
    r"Eigenaa?r(?:es)?|Hoofd|Adviseur|Bestuurder|Medewerk(?:er|ster)|Inkoper|Verkoper)(?!\w)"
)
_SHOUTED = word_set("CEO CFO CTO COO CMO CIO CISO CPO CRO CHRO VP SVP EVP MD PDG")
_FUNCTIONS = word_set("""
    account accounting accounts admin americas analytics apac asia audit brand business channel
    client commercial communications compliance content corporate credit customer data design
    development digital east emea energy engineering europe events export finance fixed fulfilment
    global hr human income infrastructure insurance international investments investor it key latam
    legal logistics marketing markets media mobile network north operations partnerships payments
    people planning policy procurement product products production program projects property public
    purchasing quality regional relations research resources retail risk safety sales security
    services software south strategic strategy success supply support systems talent tax technology
    trading training treasury uk us usa web west worldwide
    """)
_SPLIT = re.compile(
    r"\t| {2,}|\s?[|•·/]\s?|\s[-\u2013—]\s|,\s?|\s(?:at|@|bei|chez|presso)\s|\s\(|\)"
)
_IN_TEXT = re.compile(
    r"(?<!\w)(?:i am|i['\u2019]m|as|our|their|your|my|is|the new|new|ich bin|unsere?|je suis|"
    r"notre|soy|"
    r"nuestr[oa]|sono|il nostro|la nostra|sou|nosso|nossa|onze|ik ben)"
    r"(?: an?| the| le| la| el| il| o| de)? (?=\w)"
)
_TITLE_WORD = re.compile(r"[^\s,;:.!?()<>\"]+")
_JOINS = word_set("of for and & de des du d' der für di del della van von la the to")


def find_titles(reading: Reading) -> Iterator[Entity | None]:
    """Job titles; in a signature also the company written beside one ("CFO, Northwind")."""
    body = reading.body
    label = domain_label(reading.sender_email)
    for line in lines(reading.signature, most=14):
        yield from _of_line(line, label)
    for found in _IN_TEXT.finditer(lowered(body.text)):
        if body.text[found.end()].isupper():
            yield _in_text(body, found.end())


def _of_line(line: Piece, label: str) -> Iterator[Entity | None]:
    if len(line.text) > 120 or line.text.endswith("."):
        return
    pieces = list(_pieces(line))
    at = next((n for n, piece in enumerate(pieces) if _is_title(piece)), None)
    if at is None:
        return
    last = at
    while last + 1 < len(pieces) and (
        _is_title(pieces[last + 1]) or _is_function(pieces[last + 1])
    ):
        last += 1
    yield entity(trimmed(line.region, pieces[at].start, pieces[last].end), "job_title", 0.8)
    if last + 1 < len(pieces):
        beside = pieces[last + 1]
        named = bool(label) and folded(beside.text).startswith(label)
        yield beside_title(beside, 0.85 if named else 0.5)


def _pieces(line: Piece) -> Iterator[Piece]:
    at = 0
    for found in [*_SPLIT.finditer(line.text), None]:
        stop = found.start() if found else len(line.text)
        piece = trimmed(line.region, line.start + at, line.start + stop)
        if piece.text:
            yield piece
        at = found.end() if found else stop


def _is_title(piece: Piece) -> bool:
    words = piece.text.split()
    if not 1 <= len(words) <= 7 or any(c.isdigit() for c in piece.text) or "@" in piece.text:
        return False
    head = _HEAD.search(piece.text)
    if head is None or (head[0] in _SHOUTED and piece.text.isupper() and len(words) > 3):
        return False
    return all(w[0].isupper() or w.casefold() in _JOINS or w[0] in "&(" for w in words)


def _is_function(piece: Piece) -> bool:
    words = [w.casefold() for w in piece.text.split()]
    return len(words) <= 5 and all(w in _FUNCTIONS or w in _JOINS for w in words)


def _in_text(body: Region, start: int) -> Entity | None:
    """The title that begins right after "our" or "I am the": capitalised up to its head word."""
    end = run = start
    for word in _TITLE_WORD.finditer(body.text, start, start + 80):
        known = bool(_HEAD.fullmatch(word[0])) or word[0].casefold() in _FUNCTIONS
        if word.start() - run > 1 or not (word[0] in _JOINS or (word[0][0].isupper() and known)):
            break
        run = word.end()
        end = run if known else end  # a title does not end in "of"
    piece = trimmed(body, start, end)
    return entity(piece, "job_title", 0.6) if _HEAD.search(piece.text) else None
