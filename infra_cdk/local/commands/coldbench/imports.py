"""Which imports took how long, as `python -X importtime` tells it on standard error."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

_LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")
STANDARD_LIBRARY = "standard library"


@dataclass(frozen=True, slots=True)
class Import:
    """A module, or a package with all that is in it, and the time its own code took."""

    module: str
    ms: float


@dataclass(frozen=True, slots=True)
class Imports:
    """The heaviest of them: single modules, and whole packages, the standard library as one."""

    heaviest: tuple[Import, ...]
    packages: tuple[Import, ...]


def heaviest(told: str, most: int) -> Imports:
    """The `most` modules, and as many packages, that took longest; others' time is not theirs."""
    modules: Counter[str] = Counter()
    packages: Counter[str] = Counter()
    for microseconds, name in _LINE.findall(told):
        modules[name] += int(microseconds)
        packages[_package(name)] += int(microseconds)
    return Imports(_first(modules, most), _first(packages, most))


def _package(module: str) -> str:
    top = module.partition(".")[0]
    return STANDARD_LIBRARY if top in sys.stdlib_module_names else top


def _first(microseconds: Mapping[str, int], most: int) -> tuple[Import, ...]:
    longest = Counter(microseconds).most_common(most)
    return tuple(Import(name, round(taken / 1000, 1)) for name, taken in longest)
