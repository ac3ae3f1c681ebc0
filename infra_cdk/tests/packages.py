"""Built functions for tests, started as on Lambda, and what their processes load."""

from __future__ import annotations

import re
import sysconfig
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePath

from infra_cdk.local.commands.coldbench.place import Place, opened
from infra_cdk.local.environment import Environment
from infra_cdk.local.function_environment import environment_for
from infra_cdk.local.state import State, open_state
from infra_cdk.local.unpacking import BARE_PYTHON, Unpacked, layers_of, unpacking
from infra_cdk.tests.demos import empty_home
from layers.assets import build
from layers.target import LAMBDA
from shared.wiring import Declared

_STANDARD_LIBRARY = tuple(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib"))


@dataclass(frozen=True)
class Packages:
    """Functions unpacked as Lambda unpacks them, and one set of services behind all of them."""

    place: Place
    unpacked: Callable[[tuple[str, ...]], Unpacked]

    def start(self, one: Declared, state: State, layers: Iterable[str] = ()) -> Environment:
        """One function with its own layers, or with those named; its log is in `state`."""
        folders = self.unpacked(tuple(layers) or layers_of(one))
        env = environment_for(one, self.place.config) | folders.environment
        verbose = {"PYTHONVERBOSE": "1"}  # to the log: which file each module is loaded from
        return Environment(one, env | verbose, folders.task, state, python=BARE_PYTHON)


@dataclass(frozen=True)
class Loaded:
    """What a process loaded: modules by the folder they came from, and which had to be compiled.

    `strangers` are files neither of the function's nor of the standard library.
    """

    own: Mapping[Path, frozenset[Path]]
    compiled: frozenset[Path]
    strangers: frozenset[Path]

    @property
    def modules(self) -> frozenset[str]:
        """Those of the function's code and layers, as `modules_on_lambda` names them."""
        return frozenset(
            module(path.relative_to(root))
            for root, paths in self.own.items()
            if root.name != "runtime"
            for path in paths
        )


@contextmanager
def packed() -> Generator[Packages]:
    """All services up and all functions built; in the end nothing is left."""
    with (
        empty_home() as home,
        opened(State(home, shared_tools=open_state().tools)) as place,
        unpacking(home) as unpacked,
    ):
        yield Packages(place, unpacked)


def loaded(log: Path, folders: Unpacked) -> Loaded:
    """What a function's log, by `python -v`, says of its modules."""
    told = log.read_text(errors="replace")
    compiled = set(map(Path, re.findall(r"^# code object from (/.+)$", told, re.MULTILINE)))
    compiled_before = re.findall(r"^# code object from '(/.+)'$", told, re.MULTILINE)
    programs = re.findall(r"^# extension module .+ loaded from '(/.+)'$", told, re.MULTILINE)
    every = compiled | set(map(Path, (*compiled_before, *programs)))
    roots = (folders.task, folders.opt / "python", folders.runtime)
    own = {root: frozenset(p for p in every if p.is_relative_to(root)) for root in roots}
    foreign = every.difference(*own.values())
    return Loaded(
        own,
        frozenset(compiled - foreign),
        frozenset(path for path in foreign if not _is_standard(path)),
    )


@cache
def modules_on_lambda(assets: tuple[str, ...]) -> frozenset[str]:
    """The modules in assets for Lambda: bytecode, and programs that are imported."""
    return frozenset(
        module(path.relative_to(built.packages))
        for built in (build(asset, LAMBDA) for asset in assets)
        for path in built.packages.rglob("*")
        if path.suffix in (".pyc", ".so")
    )


def module(path: PurePath) -> str:
    """A module's file without what names its platform: `a/b.pyc`, `a/c.so`."""
    folder = path.parent.parent if path.parent.name == "__pycache__" else path.parent
    return str(folder / f"{path.name.partition('.')[0]}{path.suffix}")


def _is_standard(path: Path) -> bool:
    below = any(path.is_relative_to(folder) for folder in _STANDARD_LIBRARY)
    return below and "site-packages" not in path.parts
