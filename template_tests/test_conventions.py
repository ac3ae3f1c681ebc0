"""What every file and folder of the tree keeps to."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from template_tests.source import (
    ROOT,
    capability_folders,
    files,
    functions,
    is_test,
    python_files,
    shown,
    tree,
)

TOP_LEVEL = {
    ".ci",
    ".gitattributes",
    ".github",
    ".gitignore",
    ".pre-commit-config.yaml",
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "cdk.json",
    "events",
    "functions",
    "infra_cdk",
    "layers",
    "pyproject.toml",
    "shared",
    "template_tests",
    "uv.lock",
}
FILE_CAP, FILE_P95 = 400, 250
FUNCTION_CAP, FUNCTION_P95 = 60, 40
TEST_FILE_CAP = 600
"""A test file may be longer: it is read a test at a time."""


def test_nothing_else_is_at_the_top() -> None:
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text().split()]
    found = {
        path.name
        for path in ROOT.iterdir()
        if path.name != ".git" and not any(path.match(pattern) for pattern in ignored)
    }
    assert found - TOP_LEVEL == set()


@pytest.mark.parametrize("folder", capability_folders(), ids=lambda folder: folder.name)
def test_a_capability_declares_describes_and_tests_itself(folder: Path) -> None:
    assert (folder / "capability.py").is_file()
    assert list((folder / "tests").glob("test_*.py"))
    lines = (folder / "README.md").read_text().splitlines()
    assert 10 <= len(lines) <= 30, f"README.md has {len(lines)} lines"
    assert lines[0].startswith("# ")


def test_no_file_is_named_after_nothing_in_particular() -> None:
    vague = re.compile(r"^(utils?|helpers?|common|misc|base|abstract\w*)\.py$")
    assert [shown(path) for path in python_files() if vague.match(path.name)] == []


def test_no_class_is_named_after_a_pattern() -> None:
    pattern = re.compile(r"^_?(Abstract|Base)[A-Z]|(Manager|Impl|Helper)$")
    named = [
        f"{shown(path)}: {node.name}"
        for path in python_files()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef) and pattern.search(node.name)
    ]
    assert named == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        shown(path)
        for path in python_files()
        if tree(path).body and not ast.get_docstring(tree(path))
    ]
    assert silent == []


def test_every_function_says_what_it_returns() -> None:
    silent = [
        f"{shown(path)}:{function.lineno} {function.name}"
        for path in python_files()
        for function in functions(path)
        if function.returns is None
    ]
    assert silent == []


def test_nothing_is_left_to_do() -> None:
    marker = re.compile(r"\b(TODO|FIXME|XXX)\b")
    left = [
        f"{shown(path)}:{number}"
        for path in files(".py", ".sql", ".md", ".toml", ".mjs")
        if path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if marker.search(line)
    ]
    assert left == []


def test_links_lead_somewhere() -> None:
    pages = [
        *files(".md"),
        *ROOT.glob("*.md"),
        *ROOT.glob(".github/*.md"),
        *ROOT.glob("layers/*.md"),
    ]
    broken = [
        f"{shown(page)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
        if not re.match(r"[a-z]+:", target) and not (page.parent / target).exists()
    ]
    assert broken == []


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "infra_cdk/decisions"
    index = (folder / "README.md").read_text()
    pages = sorted(path.name for path in folder.glob("0*.md"))
    assert [page for page in pages if f"({page})" not in index] == []
    assert [int(page[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        headings = re.findall(r"^## (.+)$", (folder / page).read_text(), re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences", "Alternatives", "References"]


def test_files_are_small() -> None:
    product = {shown(path): _lines(path) for path in python_files() if not is_test(path)}
    assert {name: n for name, n in product.items() if n > FILE_CAP} == {}
    assert _p95(n for n in product.values() if n) <= FILE_P95
    tests = {shown(path): _lines(path) for path in python_files() if is_test(path)}
    assert {name: n for name, n in tests.items() if n > TEST_FILE_CAP} == {}


def test_functions_are_small() -> None:
    sizes = {
        f"{shown(path)}:{function.lineno} {function.name}": _length(function)
        for path in python_files()
        for function in functions(path)
    }
    assert {name: n for name, n in sizes.items() if n > FUNCTION_CAP} == {}
    assert _p95(sizes.values()) <= FUNCTION_P95


def test_only_settings_read_the_environment() -> None:
    """So that what a function asks for can be compared with what it declares."""
    readers = {
        shown(path)
        for path in python_files()
        if path.is_relative_to(ROOT / "functions") or path.is_relative_to(ROOT / "shared")
        if not is_test(path)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb"}
    }
    assert readers - {"shared/testing.py"} == {"shared/settings.py"}


def test_nobody_commits() -> None:
    """A transaction commits when its block ends: one place, before the response."""
    commits = [
        f"{shown(path)}:{node.lineno}"
        for path in python_files()
        if path.is_relative_to(ROOT / "functions") and not is_test(path)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in {"commit", "rollback"}
    ]
    assert commits == []


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert function.end_lineno is not None
    return function.end_lineno - function.lineno + 1


def _p95(sizes: Iterable[int]) -> int:
    ordered = sorted(sizes)
    return ordered[int(len(ordered) * 0.95)]
