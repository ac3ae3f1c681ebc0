"""Finds what can be filtered: the one catalogue of all capabilities' objects and fields.

Found by import and not listed, so that a new capability cannot be forgotten.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

import functions
from functions.gateway.models import FilterField, FilterObject
from shared.access import Access
from shared.filters import OPERATORS, Object

_FOLDER = Path(functions.__path__[0])


@cache
def find_objects() -> dict[str, Object]:
    """Every `Object` that a capability's `fields.py` declares, by its name."""
    found: dict[str, Object] = {}
    for path in sorted(_FOLDER.glob("*/fields.py")):
        module = import_module(f"functions.{path.parent.name}.fields")
        for value in vars(module).values():
            if isinstance(value, Object):
                found[value.name] = value
    return found


def described(of: Object, access: Access) -> FilterObject:
    """An object as somebody with this access may filter and sort it."""
    hidden = access.hidden_of(of.name)
    sortable = of.sortable(hidden)
    return FilterObject(
        name=of.name,
        fields=[
            FilterField(
                name=name,
                kind=kind.kind,
                operators=list(OPERATORS[kind.kind]),
                choices=list(kind.choices),
                sortable=name in sortable,
            )
            for name, kind in of.fields(hidden).items()
        ],
    )
