"""The README's first five minutes with the API, line by line, against a running stack."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from infra_cdk.local.stack import Stack
from infra_cdk.local.state import CHECKOUT

pytest_plugins = ["infra_cdk.tests.stack.fixtures"]
pytestmark = pytest.mark.stack

_BLOCK = re.compile(
    r"<!-- five-minutes:begin -->\n```console\n(.*?)```\n<!-- five-minutes:end -->", re.S
)


def commands() -> list[str]:
    """What is typed: lines that begin with `$ `, each with those that go on from it."""
    found = _BLOCK.search((CHECKOUT / "README.md").read_text())
    assert found, "the README has no such block"
    return [one.strip() for one in re.split(r"^\$ ", found[1], flags=re.M) if one.strip()]


def test_the_first_five_minutes(stack: Stack, tmp_path: Path) -> None:
    marked = [f"{one}\nprintf '\\0'" for one in commands()]
    program = "\n".join(["set -euo pipefail", *marked])
    environment = {
        "PATH": os.environ["PATH"],
        "API": f"{stack.api_url}/api/v1",
        "NO_PROXY": "127.0.0.1",
    }
    done = subprocess.run(
        ["bash", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=tmp_path,
        timeout=120,
    )
    said = done.stdout.split("\0")
    stopped = commands()[len(said) - 1] if done.returncode else ""
    assert done.returncode == 0, f"{stopped}\n{done.stderr}{said[-1]}"
    shown = {_url(one): text for one, text in zip(commands(), said, strict=False)}
    assert json.loads(shown["/contacts/query"])["items"][0]["job_title"] == "Inventor"
    contacts = json.loads(shown["/graphql"])["data"]["contacts"]["edges"]
    assert [one["node"]["name"] for one in contacts] == ["Charles Babbage"], "all is as it was"
    assert json.loads(shown["/events?limit=5"])["items"][0]["type"] == "WorkspaceCreated"
    assert len(json.loads(shown["/contacts"])["items"]) == 1


def _url(command: str) -> str:
    """What a command asks, below the API; itself where it asks nothing."""
    asked = re.search(r'"\$API([^"]*)"', command)
    return asked[1] if asked else command
