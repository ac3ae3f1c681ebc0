"""Assets for Lambda, built here: every program in them is for its processor and its Python."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from layers.assets import ASSETS, Built, build
from layers.failure import CannotBuild
from layers.interpreter import python_of
from layers.target import LAMBDA
from layers.tests.trees import needs_uv

pytestmark = needs_uv

ELF = b"\x7fELF"
AARCH64 = 183
GLIBC = (2, 34)
"""Of Amazon Linux 2023."""
LIMIT = 200_000_000
PYTHON_3_13 = (3571).to_bytes(2, "little") + b"\r\n"
"""What bytecode of every release of 3.13 begins with."""


@pytest.fixture(scope="module")
def built() -> dict[str, Built]:
    try:
        python_of(LAMBDA)
    except CannotBuild as error:
        pytest.skip(str(error))
    return {asset: build(asset, LAMBDA) for asset in ASSETS}


def programs(built: dict[str, Built]) -> list[Path]:
    return [
        path
        for one in built.values()
        for path in sorted(one.folder.rglob("*"))
        if path.is_file() and path.read_bytes()[:4] == ELF
    ]


def test_programs_are_for_its_processor(built: dict[str, Built]) -> None:
    found = programs(built)
    assert len(found) > 10
    machines = {path.read_bytes()[18:20] for path in found}
    assert machines == {AARCH64.to_bytes(2, "little")}


def test_programs_are_for_its_python(built: dict[str, Built]) -> None:
    modules = [path for path in programs(built) if path.suffix == ".so"]
    fits = re.compile(r"\.(cpython-313-aarch64-linux-gnu|abi3)\.so$")
    assert [path.name for path in modules if not fits.search(path.name)] == []
    assert len(modules) > 5


def test_programs_are_for_its_c_library(built: dict[str, Built]) -> None:
    for path in programs(built):
        wanted = re.findall(rb"GLIBC_(\d+)\.(\d+)", path.read_bytes())
        assert max(((int(major), int(minor)) for major, minor in wanted), default=()) <= GLIBC, path


def test_bytecode_is_its_pythons(built: dict[str, Built]) -> None:
    for one in built.values():
        sources = list(one.folder.rglob("*.py"))
        assert sources
        for source in sources:
            compiled = source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc"
            head = compiled.read_bytes()[:8]
            assert head == PYTHON_3_13 + (0b01).to_bytes(4, "little")


def test_lambda_would_take_it_all_in_one_function(built: dict[str, Built]) -> None:
    assert sum(one.unzipped_bytes for one in built.values()) < LIMIT
