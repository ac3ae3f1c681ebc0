"""Which of seven languages a text is in, by its commonest words."""

from __future__ import annotations

import re
from typing import Literal

from functions.ai.local.lexicon import word_set

Language = Literal["en", "de", "fr", "es", "it", "pt", "nl", ""]

_COMMON: dict[Language, frozenset[str]] = {
    "en": word_set(
        "the and to of is you for we that have it with this your are be on not our can please i was"
        " will would thanks hi from at if"
    ),
    "de": word_set(
        "der die das und ist nicht sie wir ich mit für ein eine zu den auf bitte von dem haben es"
        " uns ihnen auch wie kann danke sehr im"
    ),
    "fr": word_set(
        "le la les et est vous nous je pour une un de des du que pas dans avec votre merci sur qui"
        " ce ne bonjour au avez ci-joint"
    ),
    "es": word_set(
        "el la los las y es que de para por una un con no su en del nos gracias hola se lo como"
        " está más usted le buenos puede"
    ),
    "it": word_set(
        "il lo la gli e è che di per una un con non del della sono vi ci grazie buongiorno si nel"
        " alla come anche ho questo può"
    ),
    "pt": word_set(
        "o os as e é que de para por uma um com não do da em nos você obrigado obrigada olá se seu"
        " na no mais está ao pode"
    ),
    "nl": word_set(
        "de het een en is niet van voor wij we ik u je met dat op te zijn uw bedankt graag ook om"
        " aan naar kunt hebben er bij"
    ),
}
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)?")
_MOST = 1_500


def language_of(text: str) -> Language:
    """The language with most of its common words in the text, '' where none is clear.

    A text without any common word counts as English when it is plain ASCII: "Excellent work!".
    """
    said = _WORD.findall(text[:_MOST].casefold())
    scores = {name: sum(word in common for word in said) for name, common in _COMMON.items()}
    best: Language = max(_COMMON, key=lambda name: scores[name])
    if scores[best] == 0:
        return "en" if text.isascii() else ""
    others = max(score for name, score in scores.items() if name != best)
    return best if scores[best] > others else ("en" if scores["en"] == scores[best] else "")
