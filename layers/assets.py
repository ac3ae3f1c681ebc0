"""The four things that are uploaded to Lambda: their names, which need no building, and they
themselves.

An asset is named by everything that goes into it, so the same inputs have the same name on every
machine, and what has been built, or uploaded, under a name is never built again.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache, partial
from hashlib import sha256
from pathlib import Path

from layers.archive import Packed, pack
from layers.bytecode import compile_modules
from layers.installer import install
from layers.locked import requirements
from layers.prune import prune
from layers.shipped import PACKAGES, shipped
from layers.target import Target

ASSETS = ("core", "ai", "shared", "functions")
CHECKOUT = Path(__file__).resolve().parents[1]

_KEPT = 4
"""Builds of an asset that are kept: two targets, and what each was before."""

_log = logging.getLogger("haste")


@dataclass(frozen=True, slots=True)
class Built:
    """An asset on disk: unzipped in `folder`, as Lambda will show it, and its archive."""

    asset: str
    target: Target
    identity: str
    folder: Path
    archive: Path
    digest: str
    files: int
    unzipped_bytes: int

    @property
    def packages(self) -> Path:
        """The folder that is on `sys.path`."""
        return self.folder / _inside(self.asset)

    @property
    def zip_bytes(self) -> int:
        return self.archive.stat().st_size


@dataclass(frozen=True, slots=True)
class _Recipe:
    """An asset's name, and what puts its packages into a folder."""

    identity: str
    fill: Callable[[Path], None]


def identity(asset: str, target: Target, *, checkout: Path = CHECKOUT) -> str:
    """SHA-256 of everything that goes into the asset. Needs neither uv nor the network."""
    return _recipe(asset, target, checkout).identity


def build(
    asset: str, target: Target, folder: Path | None = None, *, checkout: Path = CHECKOUT
) -> Built:
    """The asset, built unless it has been. Builds are kept in `folder`, else where `HASTE_BUILD`
    says, else in `.haste/build`.

    It appears when complete: a crash leaves a `.partial` folder, thrown away next time. One process
    builds, the others wait for it.

    Raises:
        CannotBuild: it says why.
    """
    recipe = _recipe(asset, target, checkout)
    place = folder or Path(os.environ.get("HASTE_BUILD") or checkout / ".haste" / "build")
    made = place.resolve() / f"{asset}-{recipe.identity[:16]}"
    if not made.exists():
        made.parent.mkdir(parents=True, exist_ok=True)
        with _locked(made.with_name(f"{asset}.lock")):
            if not made.exists():
                _log.info("building %s for Python %s, %s", asset, target.minor, target.platform)
                _build(asset, target, recipe, made)
                _forget_old(made)
    packed = Packed(**json.loads((made / "packed.json").read_text()))
    return Built(
        asset,
        target,
        recipe.identity,
        made / "content",
        made / f"{asset}.zip",
        packed.digest,
        packed.files,
        packed.unzipped_bytes,
    )


def _recipe(asset: str, target: Target, checkout: Path) -> _Recipe:
    if asset in PACKAGES:
        # Bytecode is all that depends on the target: the platform does not matter.
        files = shipped(asset, checkout)
        inputs = {path: sha256(content).hexdigest() for path, content in files.items()}
        return _Recipe(_digest(asset, target.minor, inputs), partial(_write, files))
    if asset not in ASSETS:
        raise ValueError(f"there is no asset {asset}; there are: {', '.join(ASSETS)}")
    lines = requirements(asset, target, checkout)
    inputs = dict.fromkeys(lines, "")
    name = _digest(asset, f"{target.minor} {target.platform}", inputs)
    return _Recipe(name, partial(_install, lines, target))


def _digest(asset: str, target: str, inputs: Mapping[str, str]) -> str:
    parts = {"asset": asset, "target": target, "builder": _builder(), "inputs": inputs}
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@cache
def _builder() -> dict[str, str]:
    """The builder's own modules: what they do to an asset is part of it."""
    modules = sorted(Path(__file__).parent.glob("*.py"))
    return {module.name: sha256(module.read_bytes()).hexdigest() for module in modules}


def _write(files: Mapping[str, bytes], packages: Path) -> None:
    for name, content in files.items():
        path = packages / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _install(lines: tuple[str, ...], target: Target, packages: Path) -> None:
    install(lines, target, packages)
    prune(packages)


def _build(asset: str, target: Target, recipe: _Recipe, made: Path) -> None:
    partly = made.with_name(f"{made.name}.partial")
    shutil.rmtree(partly, ignore_errors=True)
    packages = partly / "content" / _inside(asset)
    packages.mkdir(parents=True)
    recipe.fill(packages)
    compile_modules(packages, str(Path(_seen_as(asset)) / _inside(asset)), target)
    packed = pack(partly / "content", partly / f"{asset}.zip")
    (partly / "packed.json").write_text(json.dumps(asdict(packed)))
    partly.replace(made)


def _forget_old(made: Path) -> None:
    """Delete all but the newest builds of the same asset."""
    asset = made.name.rpartition("-")[0]
    builds = [path for path in made.parent.glob(f"{asset}-*") if path.is_dir()]
    for old in sorted(builds, key=lambda path: path.stat().st_mtime)[:-_KEPT]:
        shutil.rmtree(old)


def _inside(asset: str) -> str:
    """Where an archive has its packages: Python finds those of layers in `python`."""
    return "" if asset == "functions" else "python"


def _seen_as(asset: str) -> str:
    """Where Lambda unpacks it."""
    return "/var/task" if asset == "functions" else "/opt"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file; the kernel drops it when the holder dies."""
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
