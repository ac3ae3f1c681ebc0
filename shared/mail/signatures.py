# ruff: noqa: RUF001 (wordings in Cyrillic, Greek and Turkish look like Latin letters)
"""Where a signature begins: after a delimiter, at a phone's line, or by its shape and a name."""

import re

from shared.mail.model import Address

LINES_LIMIT = 14  # of a signature recognised by its shape alone
_DELIMITED_LIMIT = 30
_READ_LINES = 80  # from the end, that are looked at

_DELIMITER = re.compile(r"\s*(?:--|—|–)\s*")
_UNDERSCORES = re.compile(r"\s*_{5,}\s*")
_RULED = re.compile(r"\s*[-*=#~+]{3,}\s*")
_DEVICE = re.compile(
    r"[\s*_<\[(]*(?:sent (?:from|with|via|using) |get outlook for|envoyé (?:de|depuis|à partir) |"
    r"enviado (?:desde|do|de|a partir|con) |enviat des |von (?:meinem|unterwegs).{0,40}gesendet|"
    r"gesendet (?:von|mit) |diese nachricht wurde von mein|inviato (?:da|dal|con) |"
    r"verzonden (?:vanaf|met|van) |verstuurd vanaf |skickat från |sendt fra |lähetetty .{0,40}sta|"
    r"wysłan[eo] (?:z|przy) |odesláno z |odoslané z |trimis de |poslano s |отправлено (?:с|из) |"
    r"надіслано з |στάλθηκε από |dikirim dari |được gửi từ |gửi từ |.{0,30}gönderildi$|"
    r".{0,30}から送信|发自|發自|從我的.{0,30}傳送|.{0,30}에서 보냄|נשלח מ|أُ?رسلت? من)",
    re.I,
)
_DISCLAIMER = re.compile(
    r"[\s*]*(?:confidentiality|disclaimer\b|(?:this|the information (?:in|contained))\b.{0,60}"
    r"\b(?:e-?mail|message|communication|transmission)|diese (?:e-?mail|nachricht)|"
    r"ce (?:message|courriel|mail)|este (?:mensaje|correo|mensagem|e-?mail)|"
    r"esta mensagem|questo messaggio|dit bericht|deze e-?mail|detta meddelande|"
    r"настоящее сообщение|данное сообщение)",
    re.I,
)
_SECRET = re.compile(
    r"confiden|privileged|intended (?:only|solely|for)|vertraulich|reservad|riservat|"
    r"vertrouwelijk|конфиденциальн",
    re.I,
)
SIGN_OFF = re.compile(
    r"[\s*]*(?:(?:many |best )?thank(?:s| you)(?: again| so much| very much| in advance| a lot)?|"
    r"thx|tia|(?:with )?(?:best|kind|kindest|warm|warmest)? ?regards|best|best wishes|all the best|"
    r"cheers|(?:yours )?(?:sincerely|truly|faithfully)(?: yours)?|respectfully|cordially|"
    r"take care|talk soon|love|xoxo|"
    r"(?:mit )?(?:freundliche[nm]?|beste[nr]?|liebe[nr]?|viele[n]?|herzliche[nr]?|schöne[n]?)"
    r"(?: gr(?:ü|ue)(?:ß|ss)en?| gruß)|gr(?:ü|ue)(?:ß|ss)e|gru(?:ß|ss)|mfg|vg|lg|danke|"
    r"(?:bien )?(?:cordialement|à vous)|(?:sincères |meilleures )?salutations|amicalement|merci|"
    r"(?:un )?(?:cordial )?saludos?(?: cordiales)?|atentamente|gracias|un abrazo|"
    r"atenciosamente|abraços?|obrigad[oa]|cumprimentos|att|"
    r"(?:cordiali|distinti) saluti|saluti|grazie|"
    r"(?:met )?(?:vriendelijke|hartelijke) groet(?:en)?|groet(?:en|jes)?|mvg|bedankt|"
    r"(?:med )?(?:vänliga?|bästa) hälsning(?:ar)?|hälsningar|mvh|tack|"
    r"(?:med )?(?:venlig|vennlig|bedste) hilsen|hilsen|"
    r"(?:ystävällisin )?terveisin|pozdrawiam|z poważaniem|dziękuję|s pozdravem|děkuji|"
    r"üdvözlettel|cu (?:stimă|respect)|saygılarımla|teşekkürler|с уважением|спасибо|"
    r"з повагою|дякую|με εκτίμηση|salam|trân trọng|בברכה|مع تحياتي|此致|谢谢|敬具|감사합니다)"
    r"[\s,.!*;-]*",
    re.I,
)
_CONTACT = re.compile(
    r"[\w.+%-]+@[\w-]+\.[\w.-]+|https?://|www\.|\+?\(?\d[\d\s().\u2010-\u2013/-]{5,}\d|"
    r"(?:ext?|x|\*)\.? ?\d{3,5}\b|\b\d-\d{4}\b",
    re.I,
)
_UNSUBSCRIBE = re.compile(
    r"unsubscribe|abmelden|désabonner|darse de baja|mailing list|newsgroup", re.I
)
_WORD = re.compile(r"[^\W\d_]+")
_GREETING = re.compile(r"(?:hi|hello|hey|dear|hallo|liebe[rs]?|bonjour|hola|ciao|olá)\b", re.I)


def find_signature(lines: list[str], sender: Address | None) -> tuple[list[str], list[str]]:
    """(the lines before, the signature's lines). Something is always left before it."""
    body, explicit = _explicit(lines)
    if sender is None:
        return body, explicit
    start = _shaped(body, _names(sender))
    return body[:start], body[start:] + explicit


def _has_text(lines: list[str]) -> bool:
    return any(any(char.isalnum() for char in line) for line in lines)


def _explicit(lines: list[str]) -> tuple[list[str], list[str]]:
    """Split at a delimiter, a phone's "Sent from", or a disclaimer."""
    for index in range(max(0, len(lines) - _READ_LINES), len(lines)):
        line = lines[index].strip()
        if not line or len(line) > 500:
            continue
        if _is_last_words(lines, index, line) and _has_text(lines[:index]):
            return lines[:index], lines[index:]
        if not line[0].isalnum() and _is_delimiter(lines, index, line) and _has_text(lines[:index]):
            return lines[:index], lines[index + 1 :]
    return lines, []


def _is_delimiter(lines: list[str], index: int, line: str) -> bool:
    if len(line) > 200 or any(char.isalnum() for char in line):
        return False
    rest = [after for after in lines[index + 1 :] if after.strip()]
    if _DELIMITER.fullmatch(line):
        return len(rest) <= _DELIMITED_LIMIT
    if _UNDERSCORES.fullmatch(line):
        return len(rest) <= LINES_LIMIT
    # Other ruled lines also divide a text: only with an address, a phone or the like below.
    return bool(
        _RULED.fullmatch(line)
        and len(rest) <= LINES_LIMIT
        and any(_CONTACT.search(after[:300]) or _UNSUBSCRIBE.search(after[:300]) for after in rest)
        and max(len(after) for after in rest) <= 200
    )


def _is_last_words(lines: list[str], index: int, line: str) -> bool:
    if len(line) <= 90 and _DEVICE.match(line):
        return sum(bool(after.strip()) for after in lines[index + 1 :]) <= 4
    if _DISCLAIMER.match(line):
        return bool(_SECRET.search(" ".join(lines[index : index + 4])[:1_000]))
    return False


def _names(sender: Address) -> set[str]:
    """Words by which the sender may sign: of the display name, and of a telling local part."""
    name = sender.name.partition("[")[0]
    words = _WORD.findall(f"{name} {sender.email.partition('@')[0]}")
    return {word.lower() for word in words if len(word) > 1}


def _shaped(lines: list[str], names: set[str]) -> int:
    """Index of the first line of a sign-off and name with what follows; len(lines) if none."""
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    best, below = end, 0
    for index in range(end - 1, max(-1, end - 1 - LINES_LIMIT), -1):
        line = lines[index].strip(" \t*_>")
        if not line:
            continue
        kind = _kind(line, names, not below)
        if kind is None:
            break
        if kind == "name" or (kind == "sign-off" and below):
            best = index
        below += 1
    return best if _has_text(lines[:best]) else len(lines)


def _kind(line: str, names: set[str], is_last: bool) -> str | None:
    """ "name", "sign-off", "contact", "label" or None for a line that is ordinary text."""
    if len(line) > 100:
        return None
    signed = SIGN_OFF.match(line)
    if signed:
        rest = line[signed.end() :]
        if not rest:
            return "sign-off"
        if _is_name(rest, names, loose=True) and (signed.group()[-1] in ",.!-" or len(rest) < 16):
            return "name"
    if _is_name(line, names, loose=is_last):
        return "name"
    words = line.split()
    if _CONTACT.search(line) and len(words) <= 10:
        return "contact"
    return "label" if _is_label(words, line) else None


def _is_name(line: str, names: set[str], loose: bool) -> bool:
    if line[-1] in ",:;?" or _GREETING.match(line):
        return False
    letters = _WORD.findall(_CONTACT.sub(" ", line)) or _WORD.findall(line.partition("@")[0])
    if not letters or len(letters) > 5 or not (letters[0][0].isupper() or "@" in line):
        return False
    shortest = 2 if len(letters) == 1 else 3
    if any(len(word) >= shortest and _matches(word.lower(), names) for word in letters):
        return True
    if len(letters) > 1:
        return False
    word = letters[0]
    initials = {name[0] for name in names}
    if word.isupper() and 2 <= len(word) <= 3:
        return set(word.lower()) <= initials
    # "Tom" for Thomas, "Dave" for David
    return loose and line.isalpha() and len(word) <= 8 and word[0].lower() in initials


def _matches(word: str, names: set[str]) -> bool:
    return word in names or any(
        name.startswith(word) or word.startswith(name) for name in names if len(name) > 2
    )


def _is_label(words: list[str], line: str) -> bool:
    """A title, company or street: few words, nearly all capitalised, no sentence."""
    if len(words) > 7 or not (line[0].isupper() or line[0].isdigit()):
        return False
    last = words[-1]  # Inc., Ltd., e.V., s.r.o.
    abbreviated = len(last) <= 6 and (last[0].isupper() or last.count(".") > 1)
    if line[-1] in "!?:;," or (line[-1] == "." and not abbreviated):
        return False
    telling = [word for word in words if len(word.replace(".", "")) > 3 or word[0].isupper()]
    capital = sum(word[0].isupper() or not word[0].isalpha() for word in telling)
    return bool(telling) and capital * 10 >= len(telling) * 8
