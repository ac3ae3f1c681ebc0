"""Where the closing of a mail begins: "Regards, Ann", or a block of name, title and numbers."""

from __future__ import annotations

import re

from functions.ai.local.names import agrees, is_name

CLOSING = re.compile(
    r"[ \t]*(?:(?:many |kind |best |warm |kindest |warmest |with |all the |yours |very ){0,4}"
    r"(?:thanks|thank you|thanx|thx|tia|regards|wishes|best|cheers|sincerely|truly|faithfully|"
    r"cordially|respectfully|take care|greetings|rgds|br)"
    r"|(?:mit |viele |beste |liebe |schöne |herzliche |freundliche[nm]? |vielen |besten ){0,4}"
    r"(?:grüße[n]?|grüssen?|gruß|gruss|mfg|vg|lg|dank|danke)"
    r"|(?:bien )?(?:cordialement|merci|sincères salutations|bien à vous|à bientôt|salutations)"
    r"|(?:muchas )?gracias|(?:un )?(?:cordial )?saludos?(?: cordial(?:es)?)?|atentamente"
    r"|(?:cordiali |distinti )?saluti|grazie(?: mille)?|(?:muito )?obrigad[oa]|atenciosamente"
    r"|(?:com os melhores )?cumprimentos|abraços?"
    r"|(?:met )?(?:vriendelijke |hartelijke )?groet(?:en)?|bedankt|mvg)"
    r"(?: (?:and|und|et|y|e|en) (?:best |kind |viele |beste ){0,2}[^\W\d_]+| (?:again|so much|"
    r"in advance|in advance for your help|im voraus|aus [^\W\d_]+|d'avance|a lot|very much|"
    r"to you|to all)){0,2}[ \t]*[,.!\-\u2013—]*[ \t\r]*",
    re.IGNORECASE,
)
_CONTACT = re.compile(r"@[\w\-]+\.|\d{3}[ .\-/)]{1,2}\d{2,4}|\+\d{1,3}[ (]|www\.|\d{3}-\d{4}")
_DELIMITER = re.compile(r"-- ?\r?|_{5,}\r?|-{5,}\r?")
_SENT_FROM = re.compile(
    r"(?:sent from|get outlook|von meinem|gesendet von|envoyé de|enviado desde|enviado do|"
    r"inviato da|verzonden vanaf)",
    re.IGNORECASE,
)
_ABBREVIATION = re.compile(r"\b(?:(?:[^\W\d_]\.){2,}|Inc\.|Ltda?\.|Corp\.|Co\.|Jr\.|Sr\.)$")
_MOST_LINES = 14


def signature_start(text: str, sender_name: str, sender_email: str) -> int:
    """The offset at which the closing begins, `len(text)` where the mail has none.

    The end of the text is walked backwards while lines look like a signature's; the block then
    begins at a delimiter, a closing phrase, or a name, whichever comes first in it.
    """
    block = _tail(text)
    for start, line in block:
        if _DELIMITER.fullmatch(line) or CLOSING.fullmatch(line):
            return start
        stripped = line.strip(" \t\r*_,-\u2013—.")
        if _opens_block(stripped, sender_name, sender_email):
            return start
    return len(text)


def _tail(text: str) -> list[tuple[int, str]]:
    """The last lines that look like a signature's, in reading order, with their offsets."""
    block: list[tuple[int, str]] = []
    stop = len(text)
    while stop > 0 and len(block) < _MOST_LINES:
        start = text.rfind("\n", 0, stop) + 1
        line = text[start:stop]
        stop = start - 1
        if line.isspace() or not line:
            continue
        if not _looks_like_signature(line):
            break
        block.append((start, line))
    block.reverse()
    return block


def _looks_like_signature(line: str) -> bool:
    bare = line.strip()
    if len(bare) > 100:
        return False
    if _CONTACT.search(bare) or CLOSING.fullmatch(bare) or _DELIMITER.fullmatch(bare):
        return True
    words = len(bare.split())
    ends_sentence = bare.endswith((".", "!")) and not _ABBREVIATION.search(bare)
    if bare.endswith(("?", ":", ";")) or (ends_sentence and words > 3):
        return False
    return words <= 9 and len(bare) <= 70


def _opens_block(line: str, sender_name: str, sender_email: str) -> bool:
    if _SENT_FROM.match(line):
        return True
    if not is_name(line, least=1):
        return False
    # One word alone may be anything; two or more capitalised words are most often a name.
    return agrees(line, sender_name, sender_email) or is_name(line)
