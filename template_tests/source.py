"""The source tree, as the conformance tests read it."""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("functions", "shared", "events", "infra_cdk", "layers", "template_tests")
_NOT_OURS = {"node_modules", "__pycache__"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def python_files() -> tuple[Path, ...]:
    """Every Python file of the product and its tests."""
    return tuple(files(".py"))


def files(*suffixes: str) -> Iterator[Path]:
    """Files of the packages that end so, in order."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            if path.suffix in suffixes and path.is_file() and not _NOT_OURS & set(path.parts):
                yield path


def is_test(path: Path) -> bool:
    """Whether a file is a test or serves tests only."""
    return "tests" in path.parts or "template_tests" in path.parts


@cache
def tree(path: Path) -> ast.Module:
    """A file's syntax tree.

    Without garbage collection meanwhile: a finalizer run inside the parser makes CPython 3.11 fail
    with "AST constructor recursion depth mismatch" (python/cpython#106905).
    """
    gc.disable()
    try:
        return ast.parse(path.read_text(), str(path))
    finally:
        gc.enable()


def functions(path: Path) -> Iterator[Function]:
    """Every function and method of a file, inner ones too."""
    for node in ast.walk(tree(path)):
        if isinstance(node, Function):
            yield node


def shown(path: Path) -> str:
    """The path as one would type it."""
    return path.relative_to(ROOT).as_posix()


def capability_folders() -> list[Path]:
    """The capabilities, whether or not they declare themselves."""
    folders = (ROOT / "functions").iterdir()
    return sorted(f for f in folders if f.is_dir() and f.name not in _NOT_OURS)
