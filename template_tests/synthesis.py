"""Makes the templates the tests read, once for all tests of a run.

CDK runs in a process of its own (`cdk_session.py`), which is asked for one stage after the other.
Under pytest-xdist the first worker to come makes them, the others wait.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from infra_cdk.registry import declared
from template_tests.source import ROOT

Synthesise = Callable[..., None]
"""`synthesise(folder, stage="prod", ...)`: what the CDK CLI gives by `-c` are keywords."""

BARE = ("dev", "emulator")
"""Stages that have, between them, everything that is acknowledged anywhere."""
_PROGRAM = Path(__file__).with_name("cdk_session.py")
OWN = {
    "stage": "prod",
    "domain": "crm.example.com",
    "certificate_arn": "arn:aws:acm:eu-central-1:111122223333:certificate/5a1d",
    "google_project": "example-crm",
    "settings": {name: f"own-{name}" for one in declared() for name in one.function.env},
}
"""All that a deployer can give besides: a domain, Google's project, every setting there is."""


class SynthesisFailed(Exception):
    """CDK refused; the message says why."""


@contextmanager
def cdk(log: Path, root: Path = ROOT) -> Generator[Synthesise]:
    """A process of CDK for the checkout at `root`. The first synthesis takes ten seconds."""
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-P", _PROGRAM],
            cwd=root,
            env={**_environment(), "PYTHONPATH": str(root)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert process.stdin
    assert process.stdout
    pipe, answers = process.stdin, process.stdout

    def synthesise(folder: Path, *, bare: bool = False, **context: Any) -> None:
        asked = {"folder": str(folder), "context": context} | ({"bare": True} if bare else {})
        pipe.write(json.dumps(asked) + "\n")
        pipe.flush()
        answer = answers.readline()
        if failed := json.loads(answer) if answer else "it ended":
            said = log.read_text(errors="replace")
            raise SynthesisFailed(f"{context}: {failed[:2000]}\n{said[-2000:]}")

    with process:
        yield synthesise


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this test run know, and no other run."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def made_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """`folder`, after `make` has filled it; whoever comes meanwhile waits."""
    with folder.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        complete = folder / "complete"
        if not complete.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            complete.touch()
    return folder


def _environment() -> dict[str, str]:
    """Ours without what would change the result: a context, a region, an account."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CDK_")}
