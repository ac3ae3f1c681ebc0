"""Starts functions anew when their code changes: the next event of each is a cold start."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from watchfiles import Change, DefaultFilter, awatch

WATCHED = ("functions", "shared", "events")
_SUFFIXES = (".py", ".json", ".sql", ".lua", ".graphql", ".html", ".js", ".css")
_LOG = logging.getLogger("haste.reload")


class CodeFilter(DefaultFilter):
    """What a function may load. Tests are not loaded by functions."""

    def __call__(self, change: Change, path: str) -> bool:
        wanted = path.endswith(_SUFFIXES) and "tests" not in Path(path).parts
        return wanted and super().__call__(change, path)


@asynccontextmanager
async def restarting_on_change(
    root: Path, restart: Callable[[], Awaitable[None]]
) -> AsyncIterator[None]:
    """While inside, call `restart` after each change of code below `root`."""
    folders = [root / name for name in WATCHED if (root / name).is_dir()]
    stop = asyncio.Event()
    watching = asyncio.create_task(_watch(folders, restart, stop))
    try:
        yield
    finally:
        stop.set()
        await watching


async def _watch(
    folders: list[Path], restart: Callable[[], Awaitable[None]], stop: asyncio.Event
) -> None:
    async for changes in awatch(*folders, watch_filter=CodeFilter(), stop_event=stop, debounce=100):
        _LOG.info("%d changed files: functions start anew at their next event", len(changes))
        await restart()
