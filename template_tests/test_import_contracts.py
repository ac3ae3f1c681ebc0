"""Every import contract of pyproject.toml catches what it is there to catch.

Each case plants one import in a copy of the tree and expects the contract to name it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from template_tests.source import ROOT

_PACKAGES = ("functions", "shared", "events", "infra_cdk", "layers")
_LINT = "import sys; from importlinter.cli import lint_imports_command as run; run()"

PLANTED = [
    ("house", "shared.ids", "functions.contacts.models"),
    ("house", "events.ids", "shared.errors"),
    ("house", "functions.contacts.commands", "infra_cdk.registry"),
    ("independence", "functions.contacts.queries", "functions.activities.queries"),
    ("independence", "functions.activities.commands", "functions.automations.queries"),
    ("independence", "functions.automations.actions", "functions.contacts.store"),
    ("independence", "functions.contacts.queries", "functions.activities.privacy"),
    ("capability", "functions.contacts.store", "functions.contacts.commands"),
    ("capability", "functions.contacts.queries", "functions.contacts.store"),
    ("capability", "functions.contacts.commands", "functions.contacts.api"),
    ("sql", "functions.contacts.commands", "psycopg"),
    ("sql", "functions.contacts.api", "psycopg"),
    ("sql", "shared.outbox", "psycopg"),
    ("pure", "functions.contacts.models", "shared.db"),
    ("pure", "events.contacts", "boto3"),
    ("declarations", "functions.contacts.capability", "fastapi"),
    ("declarations", "shared.wiring", "pydantic"),
    ("ai", "functions.contacts.commands", "anthropic"),
    ("ai", "shared.errors", "phonenumbers"),
    ("graphql", "functions.contacts.graph", "strawberry"),
    ("graphql", "shared.graph", "graphql"),
    ("lambda", "functions.contacts.api", "mangum"),
    ("lambda", "functions.contacts.commands", "aws_lambda_powertools"),
    ("aws", "functions.contacts.commands", "boto3"),
    ("cdk", "infra_cdk.local.ports", "aws_cdk"),
    ("cdk", "shared.wiring", "constructs"),
    ("house", "shared.ids", "layers.assets"),
    ("house", "functions.contacts.commands", "layers.assets"),
    ("builder", "layers.shipped", "shared.ids"),
    ("builder", "layers.assets", "infra_cdk.registry"),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source tree and its contracts."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copy(ROOT / "pyproject.toml", folder)
    left_out = shutil.ignore_patterns("samples", "schemas", "node*", "__pycache__")
    for package in _PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=left_out)
    return folder


@pytest.fixture
def plant(copy: Path) -> Iterator[list[tuple[Path, str]]]:
    """Files to put back afterwards."""
    planted: list[tuple[Path, str]] = []
    yield planted
    for path, text in planted:
        path.write_text(text)


@pytest.mark.parametrize(("contract", "importer", "imported"), PLANTED)
def test_a_contract_catches(
    copy: Path,
    plant: list[tuple[Path, str]],
    contract: str,
    importer: str,
    imported: str,
) -> None:
    path = copy / f"{importer.replace('.', '/')}.py"
    text = path.read_text()
    plant.append((path, text))
    path.write_text(f"{text}\nimport {imported} as planted\n")
    status, output = _lint(copy, contract)
    assert status == 1, output
    assert f"{importer} -> {imported}" in output


def test_every_contract_is_proven_and_kept(copy: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    assert {contract["id"] for contract in contracts} == {contract for contract, *_ in PLANTED}
    status, output = _lint(copy)
    assert status == 0, output


def _lint(folder: Path, contract: str | None = None) -> tuple[int, str]:
    chosen = ["--contract", contract] if contract else []
    done = subprocess.run(
        [sys.executable, "-c", _LINT, "--no-logo", *chosen],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"COLUMNS": "300"},
    )
    return done.returncode, done.stdout + done.stderr
