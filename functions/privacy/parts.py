"""Finds what every capability holds about people: the `PRIVACY` in its `privacy.py`.

Found by import and not listed, so that a new capability cannot be forgotten; and a test asks of
every table that there is.
"""

from __future__ import annotations

from functools import cache
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import functions
from shared.privacy import Part

_FOLDER = Path(functions.__path__[0])


@cache
def find_parts() -> tuple[Part, ...]:
    """All of them, each after those that it says it comes after."""
    folders = (path.parent.name for path in sorted(_FOLDER.glob("*/privacy.py")))
    modules = (import_module(f"functions.{name}.privacy") for name in folders)
    found: dict[str, Part] = {part.name: part for module in modules for part in module.PRIVACY}
    order = TopologicalSorter({name: part.after for name, part in found.items()})
    return tuple(found[name] for name in order.static_order())
