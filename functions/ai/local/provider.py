"""The provider that needs no key: rules, gazetteers and VADER. What it can do: ../README.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice

from functions.ai.gateway import Provider
from functions.ai.local.addresses import find_addresses
from functions.ai.local.companies import find_companies
from functions.ai.local.intent import asked, intent_of
from functions.ai.local.language import language_of
from functions.ai.local.people import find_people
from functions.ai.local.phones import find_phones
from functions.ai.local.prose import sentences
from functions.ai.local.reading import Reading, read
from functions.ai.local.sentiment import sentiment_of
from functions.ai.local.titles import find_titles
from functions.ai.models import MAX_ENTITIES, Analysis, Entity, MailText

MODEL = "local-1"
# By one rule in one mail, before the surest are chosen: a bound for hostile mails.
MOST_FOUND = 100


def analyze(mail: MailText) -> Analysis:
    """Read a mail by rules; never raises, and takes bounded time on any input."""
    reading = read(mail)
    said = list(sentences(reading))
    language = language_of(reading.body.text)
    reason = asked(reading, said, language)
    feeling, score = sentiment_of(said) if language == "en" else ("neutral", 0.0)
    return Analysis(
        entities=_entities(reading),
        sentiment=feeling,
        sentiment_score=score,
        intent=intent_of(reading, said, language, reason is not None),
        reply_needed=reason is not None,
        reply_needed_reason=reason,
        truncated=reading.truncated,
        model=MODEL,
        provider="local",
    )


def _entities(reading: Reading) -> tuple[Entity, ...]:
    """The entities once each, the surest first; a bounce speaks of machines and has none."""
    if reading.kind == "bounce":
        return ()
    rules = (find_people, find_companies, find_phones, find_addresses, find_titles)
    best: dict[tuple[str, str], Entity] = {}
    found = chain.from_iterable(islice(_found(rule(reading)), MOST_FOUND) for rule in rules)
    for entity in found:
        key = (entity.kind, entity.value.casefold())
        if key not in best or best[key].confidence < entity.confidence:
            best[key] = entity
    whole = _without_parts(list(best.values()))
    ranked = sorted(whole, key=lambda entity: -entity.confidence)
    return tuple(ranked[:MAX_ENTITIES])


def _without_parts(entities: list[Entity]) -> list[Entity]:
    """ "Northwind" says no more than "Northwind Traders LLC" of the same mail."""
    spaced = [(entity, f" {entity.value.casefold()} ") for entity in entities]
    return [
        entity
        for entity, name in spaced
        if entity.kind not in ("company", "job_title")
        or not any(
            name in longer and len(name) < len(longer) and other.kind == entity.kind
            for other, longer in spaced
        )
    ]


def _found(entities: Iterable[Entity | None]) -> Iterator[Entity]:
    return (entity for entity in entities if entity is not None)


LOCAL = Provider(name="local", model=MODEL, prompt_version="rules-1", analyze=analyze)
