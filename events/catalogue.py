"""Every event there is. Whoever must know them all asks here; a class is known once imported."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

import events
from events.envelope import REGISTRY, Event


def all_events() -> Mapping[str, type[Event]]:
    """The class of every event type, by its name on the bus."""
    for module in iter_modules(events.__path__):
        if not module.ispkg and module.name != "catalogue":
            import_module(f"events.{module.name}")
    return REGISTRY
