"""Whose bytecode it is, and what is said where nobody can make it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from layers.failure import CannotBuild
from layers.interpreter import python_of
from layers.target import Target, host

NOWHERE = Target("lambda", "3.99", "aarch64-manylinux_2_28")


def test_the_host_is_compiled_for_by_the_python_that_runs() -> None:
    assert python_of(host()) == Path(sys.executable)


def test_where_none_is_found_it_is_said_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HASTE_LAMBDA_PYTHON", raising=False)
    with pytest.raises(CannotBuild, match=r"uv python install 3\.99.*set HASTE_LAMBDA_PYTHON"):
        python_of(NOWHERE)


@pytest.mark.parametrize("program", [sys.executable, "/no/such/python", "/bin/false"])
def test_one_that_was_named_must_fit(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setenv("HASTE_LAMBDA_PYTHON", program)
    with pytest.raises(CannotBuild, match=rf"is {program}, which is no CPython 3\.99"):
        python_of(NOWHERE)
