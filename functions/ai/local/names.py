"""What a person's name looks like on a line, and whether it belongs to an address."""

from __future__ import annotations

import re
import unicodedata

from functions.ai.local.lexicon import word_set

PARTICLES = word_set(
    "al bin da dal de del della den der di dos du e el ibn la las le los ten ter van vom von y zu"
    " zum zur"
)
HONORIFICS = word_set(
    "mr mrs ms miss dr prof herr frau monsieur madame mme mlle m sr sra srta sig sigra dott dhr"
    " mevr ing dipl-ing mag sir dame capt captain barrister senhor senhora"
)
SUFFIXES = word_set("jr sr ii iii iv phd md mba esq cpa pe")
# Words that stand capitalised on a line of their own without being anybody's name.
NOT_NAMES = word_set("""
    a account accounts address admin administration administrator agenda all alle an and
    announcements any april as at attached attn august avenue b2b background bank best blvd board
    box building bureau business by call care cell center centre ceo cfo chair cheers chief city
    club coming commercial committee communications community company conference confidential
    contact contract contracts cordialement corporate council customer customers daily data day
    date december deal dear department desk development direct direction director division dr.
    drive email e-mail energy engineering enterprise europe events executive fax february finance
    first floor for foundation friday from front fyi gas general global good great greetings group
    grüße gruß hallo headquarters hello help helpdesk hi hola home hotel house hr human i if in
    information info institute insurance international internet invoice is it january july june
    legal letter limited line list lists lunch mail mailing manager management march market
    marketing may media meeting member members mobile monday mr mrs national network networks new
    news newsletter next no no-reply north noreply notes notice notifications november october of
    office on online operations order orders original our partner partners payment phone platform
    please po power price pricing product products project projects proposal purchase purchasing
    quote re regards relations report research resources response road room sales saludos saturday
    schedule school secretary security senior sent september server service services sincerely site
    software solutions south special staff starting statement station steering street subject suite
    sunday support system systems team tech technical technologies technology tel telephone terms
    thank thanks that the this thread thursday to today tomorrow trading training travel tuesday
    university update updates user users vacation vendor via warm website wednesday week weekly we
    west what when with work yes yesterday you your yours copyright faithfully quoting truly wishes
    wrote vertrieb einkauf abteilung geschäftsführung kundendienst buchhaltung viele vielen
    freundliche freundlichen mit beste service-team équipe merci bonjour salutations bien gracias
    atentamente equipo ventas compras servicio grazie distinti saluti obrigado equipe vendas
    atenciosamente met vriendelijke groet groeten bedankt afdeling straße str platz rue calle via
    rua allee weg
    """)
_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|['\u2019`.\-](?=[^\W\d_]))*\.?")

_SHOUT = re.compile(r"(?<![^\W\d_])[^\W\d_a-z]{3,}(?![^\W\d_])")


def is_name(line: str, least: int = 2) -> bool:
    """Whether the whole line reads as a personal name of `least` to 5 words."""
    if len(line) > 60:
        return False
    words = name_words(line)
    if not least <= len(words) <= 5 or words[0].casefold() in PARTICLES - {"al", "el", "de"}:
        return False
    strong = [word for word in words if word.casefold() not in PARTICLES]
    if len(strong) < least or not any(len(word.rstrip(".")) > 1 for word in strong):
        return False
    return all(_is_capitalised(word) for word in strong)


def name_words(line: str) -> list[str]:
    """The words of a name without honorifics and suffixes; empty where the line is no name."""
    words = line.replace(",", " ").split()
    words = [w for w in words if w.casefold().strip(".") not in HONORIFICS | SUFFIXES]
    for word in words:
        if not _WORD.fullmatch(word) or word.casefold() in NOT_NAMES:
            return []
    return words


def _is_capitalised(word: str) -> bool:
    # Scripts without letter case count as capitalised. An abbreviation such as "USA" does not.
    head = word[0]
    if not head.isupper() and head.lower() != head.upper():
        return False
    return not (word.isupper() and word.endswith(("LLC", "PLC", "USA")))


def folded(word: str) -> str:
    """Lower case without accents, as addresses are usually spelt: `Müller` is `muller`."""
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(c for c in decomposed if c.isalnum())


def agrees(name: str, sender_name: str, sender_email: str) -> bool:
    """Whether a name shares a word of 3 letters or more with the sender's name or address."""
    words = {folded(w) for w in name.split()} - {""}
    known = {folded(w) for w in re.split(r"[\s,.\"'()<>]+", sender_name)} - {""}
    if any(len(word) >= 3 and word in known for word in words):
        return True
    local = folded(sender_email.partition("@")[0])
    return any(len(word) >= 3 and word in local for word in words)


def readable(name: str) -> str:
    """`BERT MEYERS`, `Bert MEYERS` and `bert meyers` become `Bert Meyers`; initials stay."""
    if name.islower():
        return name.title()
    words = [_SHOUT.sub(lambda found: found[0].capitalize(), word) for word in name.split()]
    return " ".join(words)
