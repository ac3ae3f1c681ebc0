"""An asset's name changes with what goes into it, and with nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from layers.assets import ASSETS, CHECKOUT, identity
from layers.target import LAMBDA, Target, host
from layers.tests.trees import copy_to

_SHOW = "from layers.assets import *; print(*(identity(a, LAMBDA) for a in ASSETS), sep='\\n')"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return copy_to(tmp_path / "copy")


def names(checkout: Path, target: Target = LAMBDA) -> dict[str, str]:
    return {asset: identity(asset, target, checkout=checkout) for asset in ASSETS}


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {asset for asset in ASSETS if before[asset] != after[asset]}


def test_names_are_alike_in_another_folder_at_another_time(copy: Path) -> None:
    for path in copy.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    assert names(copy) == names(CHECKOUT)
    assert len(set(names(copy).values())) == len(ASSETS)


def test_names_need_neither_uv_nor_our_environment(copy: Path) -> None:
    show = f"from layers.target import LAMBDA; {_SHOW}"
    done = subprocess.run(
        [sys.executable, "-S", "-c", show], cwd=copy, env={}, capture_output=True, text=True
    )
    assert done.stdout.split() == list(names(CHECKOUT).values()), done.stderr


@pytest.mark.parametrize(
    ("path", "those"),
    [
        ("functions/contacts/commands.py", {"functions"}),
        ("functions/ai/local/cues.toml", {"functions"}),
        ("shared/db/migrations/0001_platform.sql", {"shared"}),
        ("events/contacts.py", {"shared"}),
    ],
)
def test_one_byte_of_a_shipped_file_changes_its_asset(
    copy: Path, path: str, those: set[str]
) -> None:
    with (copy / path).open("ab") as file:
        file.write(b"\n")
    assert changed(names(CHECKOUT), names(copy)) == those


@pytest.mark.parametrize("name", ["shared/extra.py", "functions/contacts/extra.sql"])
def test_another_file_changes_its_asset(copy: Path, name: str) -> None:
    (copy / name).write_text("")
    assert changed(names(CHECKOUT), names(copy)) == {name.partition("/")[0]}


@pytest.mark.parametrize(
    "name",
    [
        "functions/contacts/tests/test_more.py",
        "functions/contacts/README.md",
        "functions/contacts/.commands.py.swp",
        "functions/__pycache__/more.py",
        "shared/testing.py",
        "events/samples/More.v1.json",
        "layers/tests/test_more.py",
    ],
)
def test_files_that_are_not_shipped_change_nothing(copy: Path, name: str) -> None:
    path = copy / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("# changed")
    assert names(copy) == names(CHECKOUT)


@pytest.mark.parametrize(
    ("package", "those"),
    [("botocore", {"core"}), ("vadersentiment", {"ai"}), ("pytest", set[str]())],
)
def test_a_locked_version_changes_the_layer_that_has_it(
    copy: Path, package: str, those: set[str]
) -> None:
    lock = copy / "uv.lock"
    before = f'[[package]]\nname = "{package}"\nversion = "'
    assert before in lock.read_text()
    lock.write_text(lock.read_text().replace(before, f"{before}1"))
    assert changed(names(CHECKOUT), names(copy)) == those


def test_a_hash_changes_the_layer(copy: Path) -> None:
    lock = copy / "uv.lock"
    start, found, rest = lock.read_text().partition('[[package]]\nname = "fastapi"')
    entry, end, after = rest.partition("[[package]]")
    wheels = entry.index("wheels")
    entry = entry[:wheels] + entry[wheels:].replace("sha256:", "sha256:0")
    lock.write_text("".join((start, found, entry, end, after)))
    assert changed(names(CHECKOUT), names(copy)) == {"core"}


def test_the_target_changes_what_depends_on_it() -> None:
    older = Target("lambda", "3.12", LAMBDA.platform)
    assert changed(names(CHECKOUT), names(CHECKOUT, older)) == set(ASSETS)
    other = Target("lambda", LAMBDA.python, "x86_64-manylinux_2_28")
    assert changed(names(CHECKOUT), names(CHECKOUT, other)) == {"core", "ai"}
    assert changed(names(CHECKOUT), names(CHECKOUT, host())) >= {"core", "ai"}


def test_the_builder_is_part_of_every_asset(copy: Path) -> None:
    with (copy / "layers/prune.py").open("a") as module:
        module.write("# changed\n")
    show = f"from layers.target import LAMBDA; {_SHOW}"
    done = subprocess.run(
        [sys.executable, "-c", show], cwd=copy, capture_output=True, text=True, check=True
    )
    assert not set(done.stdout.split()) & set(names(CHECKOUT).values())


def test_an_asset_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="there is no asset cor;"):
        identity("cor", LAMBDA)
