"""Names of schemas: which ones stand for different shapes, and giving them new ones."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

Json = dict[str, Any]

SCHEMAS = "#/components/schemas/"


def clashing_names(all_schemas: Sequence[Json]) -> set[str]:
    """Names that stand for different shapes in different parts.

    Same text is not enough for being the same: `Page_Contact_` differs where `Contact` does.
    """
    texts: dict[str, set[str]] = {}
    uses: Counter[str] = Counter()
    for schemas in all_schemas:
        for name, schema in schemas.items():
            texts.setdefault(name, set()).add(json.dumps(schema, sort_keys=True))
            uses[name] += 1
    shared = {name for name, count in uses.items() if count > 1}
    clashing = {name for name in shared if len(texts[name]) > 1}
    while more := {
        name
        for name in shared - clashing
        if any(f'"{SCHEMAS}{other}"' in text for text in texts[name] for other in clashing)
    }:
        clashing |= more
    return clashing


def renamed(value: Any, names: dict[str, str]) -> Any:
    """A copy in which every reference to one of `names` goes to its new name."""
    if isinstance(value, dict):
        return {k: renamed(v, names) for k, v in cast("Json", value).items()}
    if isinstance(value, list):
        return [renamed(item, names) for item in cast("list[Any]", value)]
    if isinstance(value, str) and value.startswith(SCHEMAS):  # $ref, or discriminator mapping
        name = value.removeprefix(SCHEMAS)
        return SCHEMAS + names.get(name, name)
    return value
