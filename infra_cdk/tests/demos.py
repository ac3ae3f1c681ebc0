"""Starting `haste` in tests as a person does: the real command, in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from infra_cdk.local.state import CHECKOUT, free_port, open_state
from infra_cdk.tests.polling import ended, eventually

_HASTE = (sys.executable, "-m", "infra_cdk.local.cli")
# Errors that say an exception was not handled, in the logs of functions and of programs.
_TROUBLE = ('"level":"ERROR"', '"level": "ERROR"', '"level":"CRITICAL"', "Traceback")


@dataclass(frozen=True)
class Demo:
    """A demo that stays up, and the figures it printed."""

    figures: dict[str, Any]
    home: Path

    def get(self, path: str, **parameters: str | int) -> Any:
        """What the API answers to the demo's person."""
        url = f"{self.figures['api']}/api/v1/{path}"
        headers = {"Authorization": f"Bearer {self.figures['token']}"}
        answer = httpx.get(url, headers=headers, params=parameters, timeout=60, trust_env=False)
        return answer.raise_for_status().json()

    def every(self, path: str) -> list[Any]:
        """All items of a list."""
        page = self.get(path, limit=200)
        items = page["items"]
        while page["next_cursor"]:
            page = self.get(path, limit=200, cursor=page["next_cursor"])
            items += page["items"]
        return items

    def trouble(self) -> list[str]:
        """Lines of any log that tell of an exception."""
        return [
            f"{log.name}: {line[:2000]}"
            for log in sorted((self.home / "demo" / "logs").glob("*.log"))
            for line in log.read_text(errors="replace").splitlines()
            if any(sign in line for sign in _TROUBLE)
        ]


@contextmanager
def empty_home() -> Generator[Path]:
    """A data folder that PostgreSQL's user may pass through too, when root runs the tests."""
    home = Path(tempfile.mkdtemp(prefix="haste-test-"))
    home.chmod(0o711)
    try:
        yield home
    finally:
        shutil.rmtree(home)


def environment(home: Path) -> dict[str, str]:
    """`home` as data folder, with the installed tools of this checkout."""
    return {**os.environ, "HASTE_HOME": str(home), "HASTE_TOOLS": str(open_state().tools)}


def haste(
    *arguments: str, home: Path, extra: Mapping[str, str] | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*_HASTE, *arguments],
        env=environment(home) | dict(extra or {}),
        cwd=CHECKOUT,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def demo(*arguments: str) -> Generator[Demo]:
    """`haste demo --json`, staying up; at the end Ctrl-C, which must leave no process behind."""
    with empty_home() as home, started("demo", "--json", *arguments, home=home) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("{"), (home / "stderr").read_text()
        yield Demo(json.loads(line), home)
        assert interrupt(process) == 0


@contextmanager
def started(*arguments: str, home: Path) -> Generator[subprocess.Popen[str]]:
    """A command that runs on; killed at the end, if it runs still."""
    with (home / "stderr").open("w") as stderr:
        process = subprocess.Popen(
            [*_HASTE, *arguments, "--port", str(free_port())],
            env=environment(home),
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    with process:
        try:
            yield process
        finally:
            process.kill()


def interrupt(process: subprocess.Popen[str]) -> int:
    """Press Ctrl-C; the exit status, once everything it had started has ended."""
    family = psutil.Process(process.pid).children(recursive=True)
    assert family
    process.send_signal(signal.SIGINT)
    status = process.wait(60)
    assert eventually(lambda: all(ended(member.pid) for member in family)), family
    return status
