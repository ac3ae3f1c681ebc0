"""What a mail wants, and whether somebody waits for an answer."""

from __future__ import annotations

import re

from functions.ai.local.cues import cue
from functions.ai.local.language import Language
from functions.ai.local.reading import Piece, Reading, span, trimmed
from functions.ai.models import Intent, Span

# Questions of courtesy or of style, which nobody answers in a business mail.
_IDLE = re.compile(
    r"(?:how are you|how(?:'s| is) it going|how have you been|hope you|did you know|"
    r"(?:any )?questions|need help|interested|ready to|sound good|so what|why not|"
    r"wie geht|ça va|comment (?:allez-vous|vas-tu)|cómo estás?|qué tal|come stai?|tudo bem|"
    r"como (?:vai|está)|hoe gaat)[^?]{0,40}\?",
    re.IGNORECASE,
)
_UNSUBSCRIBE = re.compile(
    r"unsubscri|opt[ -]out|stop receiving|(?:be|been) removed|future mailings|mailing list"
)
_REPLY = re.compile(r"\s*(?:re|aw|sv|antw|fwd?|wg|tr|rif|enc|res)\s*:", re.IGNORECASE)
_QUESTION_MARKS = ("?", "\uff1f", "؟")
MAX_THANKS = 200


def asked(reading: Reading, sentences: list[Piece], language: Language) -> Span | None:
    """The sentence that waits for an answer: a question first, else a request.

    Only a person waits: lists, bounces, automatic mails and invitations never need a reply.
    """
    if reading.kind != "human":
        return None
    for sentence in sentences:
        if sentence.text.endswith(_QUESTION_MARKS) and _is_question(sentence.text):
            return span(sentence)
    ask = cue("ask", language)
    for sentence in sentences:
        low = sentence.text.lower()
        if ask.search(low) and not _UNSUBSCRIBE.search(low):
            return span(sentence)
    subject = trimmed(reading.subject, 0, len(reading.subject.text))
    if subject.text.endswith(_QUESTION_MARKS) and not _REPLY.match(subject.text):
        return span(subject)
    return None


def _is_question(sentence: str) -> bool:
    aside = sentence.rfind("(") > sentence.rfind(")")
    return len(sentence) > 3 and not aside and not _IDLE.fullmatch(sentence)


def intent_of(reading: Reading, sentences: list[Piece], language: Language, asks: bool) -> Intent:
    """One intent for the mail. A complaint outweighs all else, thanks count only alone."""
    if reading.kind == "calendar":
        return "scheduling"
    if reading.kind != "human":
        return "information" if sentences else "other"
    subject = reading.subject.text[:200]
    texts = [subject.lower(), *(sentence.text.lower() for sentence in sentences)]
    if _any(texts, "complain", language):
        return "complaint"
    if _fixes_time(texts, language):
        return "scheduling"
    if _offers(texts[1:], language):
        return "proposal"
    if asks:
        return "request"
    length = sum(len(text) for text in texts[1:])
    if length <= MAX_THANKS and _thanks(reading, texts[1:], language):
        return "thanks"
    return "information" if any(texts) else "other"


def _any(texts: list[str], kind: str, language: Language) -> bool:
    pattern = cue(kind, language)
    return any(pattern.search(text) for text in texts)


def _fixes_time(texts: list[str], language: Language) -> bool:
    """A meeting word with a day or hour in one sentence, or two meeting words."""
    meet, day = cue("meet", language), cue("day", language)
    for text in texts:
        found = meet.findall(text)
        if found and (day.search(text) or len(found) > 1):
            return True
    return False


def _offers(texts: list[str], language: Language) -> bool:
    """A sentence that offers, and does not ask for an offer."""
    offer, ask = cue("offer", language), cue("ask", language)
    return any(offer.search(text) and not ask.search(text) for text in texts)


def _thanks(reading: Reading, texts: list[str], language: Language) -> bool:
    closing = reading.signature.text[:80].lower()
    return _any([*texts, *([closing] if not texts else [])], "thank", language)
