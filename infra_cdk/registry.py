"""Finds the declarations: every `functions/*/capability.py`, in the order of their names."""

from importlib import import_module
from pathlib import Path

import functions
from shared.wiring import Capability, Declared, Queue, functions_of

_ROOT = Path(functions.__path__[0])


def capabilities() -> tuple[Capability, ...]:
    """All declared capabilities.

    Raises:
        TypeError: a `capability.py` that holds no `CAPABILITY`.
    """
    found: list[Capability] = []
    for path in sorted(_ROOT.glob("*/capability.py")):
        module = import_module(f"functions.{path.parent.name}.capability")
        capability = getattr(module, "CAPABILITY", None)
        if not isinstance(capability, Capability):
            raise TypeError(f"{path} must define CAPABILITY = Capability(...)")
        found.append(capability)
    return tuple(found)


def declared() -> tuple[Declared, ...]:
    """Every declared function with its capability."""
    return tuple(functions_of(capabilities()))


def queues() -> dict[str, Queue]:
    """Every declared queue by its name."""
    return {one.function.queue.name: one.function.queue for one in declared() if one.function.queue}
