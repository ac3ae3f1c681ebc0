"""Node and the npm packages of the laptop: pinned, and from the wheel and the lock alone."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from infra_cdk.local import node
from infra_cdk.local.state import State, open_state

LOCK = Path(node.__file__).with_name("node") / "package-lock.json"


def test_node_24_comes_from_the_wheel() -> None:
    done = subprocess.run([node.program(), "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("v24.")


@pytest.mark.parametrize(
    ("lists", "package", "version"),
    [(LOCK.parent, "emulate", "0.12.2"), (node.TOOLKIT, "aws-cdk", "2.1148.1")],
    ids=["laptop", "toolkit"],
)
def test_every_package_is_pinned_by_hash_and_to_no_private_registry(
    lists: Path, package: str, version: str
) -> None:
    packages = json.loads((lists / "package-lock.json").read_text())["packages"]
    listed = {name: package for name, package in packages.items() if name}
    assert listed[f"node_modules/{package}"]["version"] == version
    for name, found in listed.items():
        assert found["integrity"].startswith("sha512-"), name
        source = found.get("resolved", "https://registry.npmjs.org/")
        assert source.startswith("https://registry.npmjs.org/"), name


def test_the_locked_packages_are_installed_once_and_run() -> None:
    state = open_state()
    folder = node.install(state)
    emulate = folder / "node_modules" / "emulate" / "dist" / "index.js"
    done = subprocess.run(
        [node.program(), emulate, "--version"], capture_output=True, text=True, check=True
    )
    assert "0.12.2" in done.stdout
    made = folder.stat().st_ctime_ns
    assert node.install(state) == folder
    assert folder.stat().st_ctime_ns == made


def test_a_package_that_differs_from_its_hash_is_refused(tmp_path: Path) -> None:
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "package.json").write_text(LOCK.with_name("package.json").read_text())
    forged = json.loads(LOCK.read_text())
    other = forged["packages"]["node_modules/yaml"]["integrity"]
    forged["packages"]["node_modules/emulate"]["integrity"] = other
    (lists / "package-lock.json").write_text(json.dumps(forged))
    with pytest.raises(node.ServiceFailed, match="EINTEGRITY"):
        node.install(State(tmp_path), lists)
