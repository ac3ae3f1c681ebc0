"""Finds what every capability shows: the `GRAPH` in its `graph.py`.

Found by import and not listed, so that a new capability cannot be forgotten.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

import functions
from shared.graph import Graph

_FOLDER = Path(functions.__path__[0])


@cache
def find_graphs() -> tuple[Graph, ...]:
    """All of them, in the order of their capabilities' names."""
    folders = (path.parent.name for path in sorted(_FOLDER.glob("*/graph.py")))
    return tuple(import_module(f"functions.{name}.graph").GRAPH for name in folders)
