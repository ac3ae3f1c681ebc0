"""Sentiment of English mails by VADER, made careful: polite words do not count, weak is neutral.

Hutto & Gilbert 2014, "VADER". Other languages score 0: its lexicon knows English only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from typing import Any

from functions.ai.local.lexicon import word_set
from functions.ai.local.reading import Piece
from functions.ai.models import Sentiment

# Under this VADER's sign is wrong too often on prose it was not made for.
CLEAR = 0.6
_ALPHA = 15.0
MAX_SENTENCES = 24
MAX_SENTENCE = 300

# Words of courtesy and of business that VADER's lexicon of tweets takes for feelings.
_NEUTRAL = word_set(
    "active advantage agree agreed agreement alert appreciate apply approved assets assurance award"
    " ben best better bonus care certain certainly challenge challenges clear clearly commit"
    " commitment cool create created creating credit cut cutting dear debt demand easy energy"
    " ensure fair feeling fine free freedom friendly glad gross growth happy heaven help helpful"
    " hope hoping huge important improve improvement increase increased interest interested"
    " interesting justice kind kindly launched leave like limited lost matter matters maturity"
    " natural no number ok okay opportunities opportunity pay please pleased pleasure positive"
    " powerful prepared proactive problem profit promote questions ready recommend recommended"
    " regards resolve respect respected save security secure secured share shared shares sharing"
    " sincere sincerely solution solutions solve sorry special stop strength strong success"
    " support supporting sure thank thanks top true truly trust trusted united urgent useful"
    " value values vision warm warmly welcome well win winning woo yeah yes"
)


def sentiment_of(sentences: Iterable[Piece]) -> tuple[Sentiment, float]:
    """The label and the score (-1 to 1) of those sentences that express a feeling.

    VADER's compound is x / sqrt(x² + 15) of a sum of word valences x. Here x is the mean of the
    sentences' sums, up to doubled where sentences agree: a long mail does not reach the ends
    just by its length.
    """
    score = _scorer()
    scores: list[float] = []
    for number, sentence in enumerate(sentences):
        if number == MAX_SENTENCES:
            break
        scores.append(score(sentence.text[:MAX_SENTENCE]))
    felt = [
        value * math.sqrt(_ALPHA / (1 - min(value * value, 0.999))) for value in scores if value
    ]
    total = sum(felt) / len(felt) * min(math.sqrt(len(felt)), 2.0) if felt else 0.0
    compound = round(total / math.sqrt(total * total + _ALPHA), 3)
    if compound >= CLEAR:
        return "positive", compound
    return ("negative", compound) if compound <= -CLEAR else ("neutral", compound)


@cache
def _scorer() -> Callable[[str], float]:
    # 20 ms, so only when a mail is read. By name, because the package has no types.
    vader = import_module("vaderSentiment.vaderSentiment")
    analyzer: Any = vader.SentimentIntensityAnalyzer()
    lexicon: dict[str, float] = analyzer.lexicon
    for word in _NEUTRAL:
        lexicon.pop(word, None)

    def score(text: str) -> float:
        words = text.casefold().split()
        if text.isascii() and not any(
            w.strip(".,;:!?\"'()") in lexicon or w in lexicon for w in words
        ):
            return 0.0  # most sentences; VADER would walk over them to say the same
        return float(analyzer.polarity_scores(text)["compound"])

    return score
