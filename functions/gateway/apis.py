"""Finds the FastAPI app of every declared HTTP function.

Found by import and not listed, so that a new capability cannot be forgotten. Importing all of them
takes half a second and more: only what is asked for it calls `find_apis`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

from fastapi import FastAPI

import functions
from shared.wiring import Capability, Declared, functions_of

_FOLDER = Path(functions.__path__[0])


@dataclass(frozen=True, slots=True)
class Api:
    """An HTTP function that is a FastAPI app. `about` is its own word on itself, or else its
    capability's.
    """

    declared: Declared
    app: FastAPI
    about: str

    def is_public(self, path: str) -> bool:
        """Whether a path of this app needs no token: as the longest prefix it lies under says."""
        prefixes = [h for h in self.declared.function.http if _under(path, h.prefix)]
        return max(prefixes, key=lambda http: len(http.prefix)).public if prefixes else False


def find_apis() -> Iterator[Api]:
    """The APIs, in the order of their capabilities' names. Other handlers are left out."""
    for declared, about in _declared():
        if (app := _app_of(declared)) is not None:
            yield Api(declared, app, app.description or about[:1].upper() + about[1:])


def app_at(path: str) -> tuple[Declared, FastAPI] | None:
    """The function that serves a path, and its app; imports no other."""
    served = {http.prefix: one for one, _ in _declared() for http in one.function.http}
    prefixes = [prefix for prefix in served if _under(path, prefix)]
    if not prefixes:
        return None
    declared = served[max(prefixes, key=len)]
    app = _app_of(declared)
    return (declared, app) if app is not None else None


@cache
def _declared() -> tuple[tuple[Declared, str], ...]:
    """Every HTTP function, and what its capability says of itself."""
    found: list[tuple[Declared, str]] = []
    for path in sorted(_FOLDER.glob("*/capability.py")):
        module = import_module(f"functions.{path.parent.name}.capability")
        capability: Capability = module.CAPABILITY
        about = (module.__doc__ or "").strip().partition(": ")[2]
        found += [(one, about) for one in functions_of((capability,)) if one.function.http]
    return tuple(found)


def _app_of(declared: Declared) -> FastAPI | None:
    module = import_module(declared.entry.rpartition(".")[0])
    app = getattr(module, "app", None)
    return app if isinstance(app, FastAPI) else None


def _under(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")
