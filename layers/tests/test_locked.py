"""A layer's distributions are those that uv would install."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from packaging.markers import Marker

from layers.assets import CHECKOUT
from layers.failure import CannotBuild
from layers.installer import find_uv
from layers.locked import requirements
from layers.markers import applies
from layers.target import LAMBDA, Target, host
from layers.tests.trees import copy_to, needs_uv

TARGETS = (LAMBDA, host(), Target("old", "3.11.2", "x86_64-linux"))
ENVIRONMENTS = {
    target: {
        "implementation_name": "cpython",
        "platform_machine": target.machine,
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{target.minor}.0" if target is LAMBDA else target.python,
        "python_version": target.minor,
        "sys_platform": target.system,
    }
    for target in TARGETS
}

each = pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)


@needs_uv
@each
def test_core_and_ai_are_what_uv_exports(target: Target) -> None:
    core, ai = (_named(requirements(asset, target, CHECKOUT)) for asset in ("core", "ai"))
    project = _exported(target, "--no-default-groups")
    only_ai = _exported(target, "--only-group", "ai")
    assert set(core) == set(project)
    assert set(ai) == set(only_ai) - set(core)
    for name, hashes in (core | ai).items():
        assert hashes
        assert hashes <= (project | only_ai)[name], "and besides, those of what is not a wheel"


@each
def test_nothing_is_in_both_layers(target: Target) -> None:
    core, ai = (_named(requirements(asset, target, CHECKOUT)) for asset in ("core", "ai"))
    assert set(core) & set(ai) == set()
    assert core
    assert ai


@each
@pytest.mark.parametrize(
    "marker",
    [
        "python_full_version < '3.11.3'",
        "python_full_version >= '3.13'",
        "python_full_version == '3.13.*'",
        "python_full_version != '3.11.*'",
        "python_version <= '3.12' or sys_platform == 'win32'",
        "python_version > '3.11' and sys_platform == 'linux'",
        "(python_version == '3.13' or os_name == 'nt') and implementation_name != 'pypy'",
        "platform_machine in 'aarch64 arm64'",
        "platform_machine not in 'aarch64 arm64'",
        "platform_python_implementation != 'PyPy' and platform_system == 'Linux'",
    ],
)
def test_markers_hold_where_they_do_for_everyone(target: Target, marker: str) -> None:
    assert applies(marker, target) == _applies(marker, target)


@pytest.mark.parametrize(
    "marker",
    ["extra == 'dev'", "python_version ~= '3.11'", "sys_platform", "sys_platform < 'linux'", "1"],
)
def test_other_markers_are_named(marker: str) -> None:
    with pytest.raises(CannotBuild, match="does not understand"):
        applies(marker, LAMBDA)


def test_a_distribution_without_wheels_is_named(tmp_path: Path) -> None:
    copy = copy_to(tmp_path / "copy")
    lock = (copy / "uv.lock").read_text()
    start, found, rest = lock.partition('[[package]]\nname = "idna"')
    (copy / "uv.lock").write_text(start + found + rest.replace("\nwheels = [", "\nother = [", 1))
    with pytest.raises(CannotBuild, match="idna has no wheels"):
        requirements("core", LAMBDA, copy)


def _exported(target: Target, *groups: str) -> dict[str, set[str]]:
    """What uv exports for a target, with the hashes."""
    command = [*find_uv(), "export", "--frozen", "--offline", "--no-emit-project", "--no-header"]
    done = subprocess.run(
        [*command, "--no-annotate", *groups],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[str] = []
    for line in done.stdout.replace("\\\n", " ").splitlines():
        requirement, _, hashes = line.partition(" --hash=")
        name, _, marker = requirement.partition(";")
        if not marker or _applies(marker.strip(), target):
            found.append(f"{name.strip()} --hash={hashes}")
    return _named(found)


def _applies(marker: str, target: Target) -> bool:
    """The reference implementation."""
    return Marker(marker).evaluate(ENVIRONMENTS[target])


def _named(lines: tuple[str, ...] | list[str]) -> dict[str, set[str]]:
    """Hashes by `name==version`."""
    return {words[0]: set(words[1:]) for words in map(str.split, lines)}
