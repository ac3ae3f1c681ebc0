"""The one way to ask for an analysis, whichever provider answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import ValidationError

from functions.ai.models import Analysis, AnalysisInvalid, MailText, grounded


@dataclass(frozen=True, slots=True)
class Provider:
    """Who analyses. `prompt_version` names the rules or the prompt: answers differ between them."""

    name: str
    model: str
    prompt_version: str
    analyze: Callable[[MailText], Analysis]


@dataclass(frozen=True, slots=True)
class Usage:
    """What one analysis took. `dropped` counts entities the mail does not bear out."""

    provider: str
    model: str
    prompt_version: str
    duration_ms: float
    cost_usd_micros: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Analyzed:
    analysis: Analysis
    usage: Usage


def analyze_mail(mail: MailText, provider: Provider) -> Analyzed:
    """Ask the provider, check the shape of its answer, and keep only what the mail says.

    Raises `AnalysisInvalid` when the answer breaks the agreed shape or names another provider.
    """
    started = time.perf_counter()
    answer = _valid(provider.analyze(mail), provider)
    analysis = grounded(answer, mail)
    usage = Usage(
        provider=provider.name,
        model=provider.model,
        prompt_version=provider.prompt_version,
        duration_ms=(time.perf_counter() - started) * 1000,
        cost_usd_micros=0,
        dropped=len(answer.entities) - len(analysis.entities),
    )
    return Analyzed(analysis, usage)


def _valid(answer: Analysis, provider: Provider) -> Analysis:
    try:
        # A dump, because an instance is otherwise taken at its word (model_construct, model_copy).
        analysis = Analysis.model_validate(answer.model_dump(warnings=False))
    except ValidationError as error:
        # Without the input: it is the text of a mail, and this ends in a log.
        wrong = error.errors(include_input=False, include_url=False, include_context=False)
        raise AnalysisInvalid(f"{provider.name} answered in another shape: {wrong}") from None
    if (analysis.provider, analysis.model) != (provider.name, provider.model):
        named = f"{analysis.provider}/{analysis.model}"
        raise AnalysisInvalid(f"{provider.name}/{provider.model} answered as {named}")
    return analysis
