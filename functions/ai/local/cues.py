"""The phrases of `cues.toml` as patterns."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Literal

from functions.ai.local.language import Language

Cue = Literal["ask", "offer", "meet", "day", "complain", "thank"]


@cache
def cue(kind: Cue, language: Language) -> re.Pattern[str]:
    """The pattern of one kind of cue, for text in lower case; unclear languages get all seven."""
    by_language = _phrases()
    chosen = [by_language[language]] if language else by_language.values()
    alternatives = "|".join(phrase for kinds in chosen for phrase in kinds[kind])
    return re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)")


@cache
def _phrases() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(Path(__file__).with_name("cues.toml").read_text(encoding="utf-8"))
