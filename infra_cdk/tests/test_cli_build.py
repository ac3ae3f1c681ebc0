"""`haste build`: what it prints, and what it says of a function that is too large."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from infra_cdk.local.commands.build import MOST_BYTES, sizes, too_large
from infra_cdk.registry import declared
from infra_cdk.tests.demos import haste
from layers.assets import ASSETS, identity
from layers.installer import find_uv
from layers.target import host


@pytest.mark.skipif(not find_uv(), reason="uv, which installs layers, is not here")
def test_everything_is_built_and_shown(tmp_path: Path) -> None:
    done = haste("build", "--host", "--json", home=tmp_path)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["target"] == "host"
    assert list(figures["assets"]) == list(ASSETS)
    for asset, one in figures["assets"].items():
        assert one["identity"] == identity(asset, host())
        assert one["identity"][:12] in done.stderr
        content = Path(one["archive"]).read_bytes()
        assert (one["digest"], one["zip_bytes"]) == (sha256(content).hexdigest(), len(content))
        assert one["unzipped_bytes"] > one["zip_bytes"]
    assert set(figures["functions"]) == {one.name for one in declared()}
    assert [name for name in figures["functions"] if name not in done.stderr] == []


def test_a_function_is_its_code_and_its_layers() -> None:
    found = sizes({"core": 1000, "ai": 200, "shared": 30, "functions": 4})
    assert found["contacts-api"] == {"unzipped_bytes": 1034, "layers": ["core", "shared"]}
    assert found["ai-consumers"] == {"unzipped_bytes": 1234, "layers": ["core", "ai", "shared"]}


def test_what_lambda_would_not_take_is_named() -> None:
    assert too_large(sizes({"core": MOST_BYTES, "ai": 0, "shared": 0, "functions": 0})) == ""
    said = too_large(sizes({"core": MOST_BYTES, "ai": 1, "shared": 0, "functions": 0}))
    assert "ai-consumers" in said
    assert "contacts-api" not in said
