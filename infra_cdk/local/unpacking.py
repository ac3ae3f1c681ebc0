"""What a function finds on Lambda, unpacked on this machine: its code, its layers, the runtime.

    with unpacking(folder) as unpacked:
        place = unpacked(("core", "shared"))

Lambda unpacks all layers into one folder, in the order a function names them, so that a later one
may replace what an earlier one brought. Nobody can write there.
https://docs.aws.amazon.com/lambda/latest/dg/python-layers.html
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import Distribution, distribution
from pathlib import Path
from tempfile import TemporaryDirectory

from layers.assets import build
from layers.bytecode import compile_modules
from layers.target import host
from shared.wiring import Declared

BARE_PYTHON = (sys.executable, "-S")
"""Without `site`, and so without anything that is installed beside it: what is found is what
`PYTHONPATH` names, and the standard library."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The folders that are `/var/task`, `/opt` and `/var/runtime` on Lambda."""

    task: Path
    opt: Path
    runtime: Path

    @property
    def environment(self) -> dict[str, str]:
        """What makes a bare Python look where Lambda's does, in the same order.

        https://docs.aws.amazon.com/lambda/latest/dg/python-package.html#python-package-searchpath
        """
        path = (self.task, self.opt / "python", self.runtime)
        return {
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "LAMBDA_TASK_ROOT": str(self.task),
        }


def layers_of(declared: Declared) -> tuple[str, ...]:
    """The layers of a function in Lambda's order: those it declares, then our own library."""
    return (*declared.function.layers, "shared")


@contextmanager
def unpacking(folder: Path) -> Generator[Callable[[tuple[str, ...]], Unpacked]]:
    """Unpacks the code with the layers it is given, from the assets built for this machine; inside
    `folder`, and gone on leaving.

    Raises:
        CannotBuild: an asset cannot be built.
    """
    with TemporaryDirectory(prefix="unpacked-", dir=folder) as place:

        @cache
        def unpacked(layers: tuple[str, ...]) -> Unpacked:
            return Unpacked(
                _filled(Path(place, "task"), partial(_unpack, ("functions",))),
                _filled(Path(place, "-".join(("opt", *layers))), partial(_unpack, layers)),
                _filled(Path(place, "runtime"), _install_runtime),
            )

        yield unpacked


def _filled(folder: Path, fill: Callable[[Path], None]) -> Path:
    if not folder.exists():
        folder.mkdir()
        fill(folder)
        for inside in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
            inside.chmod(0o555)
    return folder


def _unpack(assets: Sequence[str], folder: Path) -> None:
    """Files get the time of now: bytecode has to count whatever its source's time is."""
    for asset in assets:
        content = build(asset, host()).folder
        shutil.copytree(content, folder, copy_function=shutil.copyfile, dirs_exist_ok=True)


def _install_runtime(folder: Path) -> None:
    """Lambda's own client and what that needs, as they are installed here, and nothing else."""
    for one in _with_requirements("awslambdaric"):
        for file in one.files or ():
            if ".." not in file.parts and file.suffix != ".pyc":
                copy = folder / file
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(str(file.locate()), copy)
    compile_modules(folder, "/var/runtime", host())


def _with_requirements(name: str) -> Iterator[Distribution]:
    found = distribution(name)
    yield found
    for line in found.requires or ():
        if needed := re.match(r"[\w.-]+", line):
            yield from _with_requirements(needed[0])
