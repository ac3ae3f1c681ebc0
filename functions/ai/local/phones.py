"""Telephone numbers as E.164, only those that the numbering plans know."""

from __future__ import annotations

import re
from collections.abc import Iterator

from functions.ai.local.lexicon import word_set
from functions.ai.local.reading import Reading, Region, entity, trimmed
from functions.ai.models import Entity

MOST_CANDIDATES = 60

_CANDIDATE = re.compile(
    r"(?<![\w+/=#$€£.\-])(?:\+|00)?\(?\d[\d().\-/ \u00a0\u2011]{5,22}\d(?![\w$€£%]|[.,]\d)"
)
_DATE = re.compile(
    r"(?<!\d)\d{4}([-/.])\d{1,2}\1\d{1,2}(?!\d|\1)|(?<!\d)\d{1,2}([-/.])\d{1,2}\2(?:\d{4}|"
    r"\d{2})(?!\d|\2)"
)
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_AMERICAN = re.compile(r"(?:1[ .\-]?)?\(?[2-9]\d{2}\)?[ .\-/]{0,2}[2-9]\d{2}[ .\-]\d{4}")
_LABEL = re.compile(
    r"(?:t[eé]l(?:[eé]phone|efono|éfono|efone|efon|efoon)?|phone|ph|mob(?:ile|il|iel)?|m[oó]vil|"
    r"celular|cellulare|cell|handy|portable|direct|office|desk|call|durchwahl|fon|[tmpcod])"
    r"[ .:)/#]{0,4}(?:\(?[a-z]{1,8}\)?[ .:]{1,3})?$",
    re.IGNORECASE,
)
_FAX = re.compile(
    r"(?:tele)?fax[ .:)#]{0,4}$|(?<!\w)f[ .:]{1,3}$|^[ ]{0,2}\(?(?:fax|f)\b", re.IGNORECASE
)
# Country codes sold to everybody say nothing about the country.
_GENERIC = word_set("AI CC CO FM IO LY ME TV TO VC WS AC SH GG IM LA NU SO")


def find_phones(reading: Reading) -> Iterator[Entity | None]:
    """Valid numbers. One without a country code is read in the country of the sender's domain,
    else of another number in the mail, else as North American if it is written that way."""
    left = MOST_CANDIDATES
    own = region_of_domain(reading.sender_email)
    neighbour = ""
    for region in reading.regions:
        for found in _CANDIDATE.finditer(region.text):
            if left == 0:
                return
            left -= 1
            read = _number(found[0], region, found.start(), (own, neighbour))
            if read is None:
                continue
            value, confidence, country = read
            neighbour = neighbour or (country if found[0].startswith(("+", "00")) else "")
            if _is_fax(region, found.start(), found.end()):
                confidence = 0.3
            yield entity(trimmed(region, found.start(), found.end()), "phone", confidence, value)


def _number(
    written: str, region: Region, start: int, countries: tuple[str, str]
) -> tuple[str, float, str] | None:
    """E.164, confidence and country of a candidate; None where it is no number."""
    if _DATE.search(written) or _ADDRESS.fullmatch(written):
        return None
    if written.startswith("+") or written.startswith("00"):
        return _parsed("+" + written.lstrip("+0"), "", 0.95)
    before = region.text[max(0, start - 24) : start].rpartition("\n")[2]
    labelled = bool(_LABEL.search(before))
    separated = len(re.findall(r"[ ().\-/]+", written)) > 1
    if not (labelled or (separated and _grouped(written))):
        return None
    sure = 0.9 if labelled or region.source == "signature" else 0.75
    if _AMERICAN.fullmatch(written) and written.startswith("1"):
        countries = ("US", "")
    for country in countries:
        if country and (read := _parsed(written, country, sure)):
            return read
    return _parsed(written, "US", sure - 0.05) if _AMERICAN.fullmatch(written) else None


def _grouped(written: str) -> bool:
    """Numbers are written in few groups, one separator apart; sums and tables are not."""
    groups = re.findall(r"\d+", written)
    return 2 <= len(groups) <= 6 and max(len(group) for group in groups) >= 2


def _parsed(written: str, country: str, confidence: float) -> tuple[str, float, str] | None:
    import phonenumbers  # 50 ms: only when a mail holds a candidate

    try:
        number = phonenumbers.parse(written, country or None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    value = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return value, confidence, phonenumbers.region_code_for_number(number) or ""


def _is_fax(region: Region, start: int, end: int) -> bool:
    before = region.text[max(0, start - 12) : start].rpartition("\n")[2]
    after = region.text[end : end + 8].partition("\n")[0]
    return bool(_FAX.search(before)) or after.lstrip(" (").casefold().startswith("fax")


def region_of_domain(address: str) -> str:
    """The country a domain's ending stands for: `GB` for `.uk`, '' for `.com` and `.io`."""
    ending = address.rpartition(".")[2].upper()
    if len(ending) != 2 or not ending.isascii() or ending in _GENERIC:
        return ""
    return "GB" if ending == "UK" else ending
