"""The distributions of a layer, read from uv.lock: exact versions with their hashes.

Read here and not by `uv export`, so that the name of an asset is known without uv; a test compares
the two.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from layers.failure import CannotBuild
from layers.markers import applies
from layers.target import Target

Entry = Mapping[str, Any]
"""A table of uv.lock: a package, or a dependency on one."""


def requirements(asset: str, target: Target, checkout: Path) -> tuple[str, ...]:
    """`name==version --hash=...`, a line for each distribution and in order: all that are needed.

    Raises:
        CannotBuild: a distribution has no wheels, or the lock file is not understood.
    """
    lock = _parsed((checkout / "uv.lock").read_bytes())
    [project] = (one for packages in lock.values() for one in packages if _is_ours(one))
    wanted = _closure(project["dependencies"], lock, target)
    if asset == "ai":
        brought = wanted
        wanted = _closure(project["dev-dependencies"]["ai"], lock, target)
        wanted = {name: package for name, package in wanted.items() if name not in brought}
    return tuple(_line(wanted[name]) for name in sorted(wanted))


@lru_cache(maxsize=4)
def _parsed(content: bytes) -> dict[str, list[Entry]]:
    """The packages by name; there are several of a name where versions differ by platform."""
    packages: dict[str, list[Entry]] = {}
    for package in tomllib.loads(content.decode())["package"]:
        packages.setdefault(package["name"], []).append(package)
    return packages


def _closure(
    direct: Iterable[Entry], lock: Mapping[str, list[Entry]], target: Target
) -> dict[str, Entry]:
    """The packages depended upon, and all that those depend upon, on that target."""
    found: dict[str, Entry] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = list(direct)
    while waiting:
        dependency = waiting.pop()
        extras = frozenset(dependency.get("extra", ()))
        if (dependency["name"], extras) in seen:
            continue
        if "marker" in dependency and not applies(dependency["marker"], target):
            continue
        seen.add((dependency["name"], extras))
        package = _package(dependency, lock)
        if found.setdefault(package["name"], package) is not package:
            raise CannotBuild(f"uv.lock wants two versions of {package['name']} on {target.name}")
        waiting += _required(package, extras)
    return found


def _is_ours(package: Entry) -> bool:
    """Whether it is the project itself, whatever its name."""
    return "." in (package["source"].get("editable"), package["source"].get("virtual"))


def _package(dependency: Entry, lock: Mapping[str, list[Entry]]) -> Entry:
    candidates = lock[dependency["name"]]
    if "version" in dependency:
        candidates = [one for one in candidates if one["version"] == dependency["version"]]
    if len(candidates) != 1:
        raise CannotBuild(f"uv.lock does not say which version of {dependency['name']} it wants")
    return candidates[0]


def _required(package: Entry, extras: Iterable[str]) -> Iterator[Entry]:
    yield from package.get("dependencies", ())
    for extra in extras:
        yield from package.get("optional-dependencies", {}).get(extra, ())


def _line(package: Entry) -> str:
    if "registry" not in package["source"] or not package.get("wheels"):
        raise CannotBuild(f"{package['name']} has no wheels in an index; layers are wheels only.")
    hashes = sorted(f"--hash={wheel['hash']}" for wheel in package["wheels"])
    return " ".join([f"{package['name']}=={package['version']}", *hashes])
