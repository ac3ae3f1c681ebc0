"""A change of code makes functions start anew; a change of anything else does not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from watchfiles import Change

from infra_cdk.local.reload import CodeFilter, restarting_on_change


def test_a_change_below_the_watched_folders_restarts(tmp_path: Path) -> None:
    async def scene() -> None:
        restarted = asyncio.Event()

        async def restart() -> None:
            restarted.set()

        async with restarting_on_change(tmp_path, restart):
            while not restarted.is_set():  # again, for the watcher may not be watching yet
                (tmp_path / "functions/mail/api.py").write_text("x")
                await asyncio.wait([asyncio.create_task(restarted.wait())], timeout=1)

    (tmp_path / "functions/mail").mkdir(parents=True)
    asyncio.run(asyncio.wait_for(scene(), 60))


@pytest.mark.parametrize("path", ["functions/mail/api.py", "shared/db/roles.sql", "events/a.json"])
def test_what_a_function_may_load_is_code(path: str, tmp_path: Path) -> None:
    assert CodeFilter()(Change.modified, str(tmp_path / path))


@pytest.mark.parametrize(
    "path",
    [
        "functions/mail/tests/test_api.py",
        "functions/mail/__pycache__/api.cpython-311.pyc",
        "functions/mail/README.md",
        "functions/mail/.api.py.swp",
    ],
)
def test_tests_byte_code_and_notes_are_not(path: str, tmp_path: Path) -> None:
    assert not CodeFilter()(Change.modified, str(tmp_path / path))


def test_leaving_ends_the_watching(tmp_path: Path) -> None:
    async def never() -> None:
        raise AssertionError("nothing has changed")

    async def scene() -> set[asyncio.Task[object]]:
        async with restarting_on_change(tmp_path, never):
            pass
        return asyncio.all_tasks() - {asyncio.current_task()}

    (tmp_path / "shared").mkdir()
    assert asyncio.run(scene()) == set()
