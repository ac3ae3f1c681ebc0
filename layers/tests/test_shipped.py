"""What of our own code is uploaded."""

from __future__ import annotations

from pathlib import PurePath

import pytest

from layers.assets import CHECKOUT
from layers.shipped import PACKAGES, is_shipped, shipped

STAYS = ("README.md", "testing.py", ".json", ".graphql")
"""Pages, the fixtures of tests, and schemas and samples, which only tests read."""


@pytest.mark.parametrize("asset", PACKAGES)
def test_every_file_is_shipped_or_known_to_stay(asset: str) -> None:
    files = {
        path.relative_to(CHECKOUT)
        for package in PACKAGES[asset]
        for path in (CHECKOUT / package).rglob("*")
        if path.is_file() and not {"tests", "__pycache__"} & set(path.parts)
    }
    left = {str(path) for path in files if not is_shipped(path)}
    assert {name for name in left if not name.endswith(STAYS)} == set(), "shipped, or STAYS?"
    assert {str(path) for path in files} - left == set(shipped(asset, CHECKOUT))


@pytest.mark.parametrize(
    ("asset", "path"),
    [
        ("functions", "functions/ai/local/cues.toml"),
        ("functions", "functions/contacts/capability.py"),
        ("shared", "shared/db/bootstrap.sql"),
        ("shared", "shared/db/schema.sql"),
        ("shared", "shared/db/migrations/0001_platform.sql"),
        ("shared", "events/catalogue.py"),
    ],
)
def test_what_is_read_at_run_time_is_there(asset: str, path: str) -> None:
    assert shipped(asset, CHECKOUT)[path] == (CHECKOUT / path).read_bytes()


def test_hashes_of_released_migrations_would_be_there() -> None:
    assert is_shipped(PurePath("shared/db/migrations/frozen.txt"))


def test_nothing_of_tests_is() -> None:
    every = [path for asset in PACKAGES for path in shipped(asset, CHECKOUT)]
    parts = {path: path.split("/") for path in every}
    assert [path for path in every if any(one.startswith("test") for one in parts[path])] == []
