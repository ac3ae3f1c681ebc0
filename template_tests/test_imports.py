"""What importing a handler does: little, and nothing to the outside.

Each handler is imported alone, by a fresh interpreter with an empty environment.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from infra_cdk.registry import declared
from shared.wiring import Declared
from template_tests.source import ROOT

_PROGRAM = """
import importlib, sys

OUTSIDE = {"socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname",
           "subprocess.Popen", "os.system", "os.posix_spawn", "os.fork"}

def refuse(event, arguments):
    if event in OUTSIDE:
        raise RuntimeError(f"{event} at import: {arguments}")

sys.addaudithook(refuse)
module, _, name = sys.argv[1].rpartition(".")
assert callable(getattr(importlib.import_module(module), name))
print(*sorted(sys.modules))
"""
# Powertools imports the empty package `botocore`; what costs is below it.
_HEAVY = {"anthropic", "boto3", "botocore.session", "langchain", "langchain_core", "openai"}
_WEB = {"fastapi", "mangum", "starlette"}

ALL = declared()


def imported(program: str, *arguments: str) -> set[str]:
    """The modules a fresh interpreter holds after a program of ours that prints them."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *arguments],
        cwd=ROOT,
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return set(done.stdout.split())


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_importing_a_handler_is_light_and_silent(one: Declared) -> None:
    """No socket, no setting read, no client made: a snapshot taken here is good for any tenant."""
    modules = imported(_PROGRAM, one.entry)
    assert modules & _HEAVY == set()
    if not one.function.http:
        assert modules & _WEB == set(), "only HTTP functions need a web framework"
    if one.function.handler == "webhook.handler":
        assert modules & (_WEB | {"psycopg"}) == set(), "an outsider is answered fast"


def test_declarations_are_read_with_nothing_installed() -> None:
    program = "from infra_cdk.registry import declared; import sys; declared(); print(*sys.modules)"
    modules = {name.partition(".")[0] for name in imported(program)}
    installed = modules - sys.stdlib_module_names - {"functions", "infra_cdk", "shared"}
    assert {name for name in installed if not name.startswith("_")} == set()


def test_an_import_that_reaches_outside_is_seen() -> None:
    """The instrument itself."""
    program = _PROGRAM.replace("assert callable", "import socket; socket.getaddrinfo('::1', 1)\n#")
    with pytest.raises(AssertionError, match=r"socket\.getaddrinfo at import"):
        imported(program, "functions.contacts.api.handler")
