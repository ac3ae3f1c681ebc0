"""`haste cdk`: the CDK's own command line, of the pinned version, on the packaged Node.

    haste cdk synth | diff | deploy --all -c stage=prod | bootstrap

Everything after `cdk` is its own. https://docs.aws.amazon.com/cdk/v2/guide/cli.html
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra_cdk.local import node
from infra_cdk.local.groups import install_missing
from infra_cdk.local.state import CHECKOUT, State, open_state


def cdk(arguments: Sequence[str]) -> int:
    """Run it in the checkout; its exit status.

    Raises:
        CannotDo: the CDK's libraries are missing and cannot be installed.
        ServiceFailed: the command line is missing and cannot be installed.
    """
    install_missing("cdk")
    given = {argument.partition("=")[0] for argument in arguments}
    line = _command_line if {"--app", "-a"} & given else program
    command, env = [*line(open_state()), *arguments], environment(os.environ)
    return subprocess.run(command, cwd=CHECKOUT, env=env, check=False).returncode


def program(state: State) -> list[str | Path]:
    """How to call it for our app: Node, the script, and which Python runs the app."""
    return [*_command_line(state), "--app", shlex.join([sys.executable, "-m", "infra_cdk.app"])]


def _command_line(state: State) -> list[str | Path]:
    script = node.install(state, node.TOOLKIT) / "node_modules" / "aws-cdk" / "bin" / "cdk"
    return [node.program(), script]


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """The caller's own, with our Node first; nobody is told what is deployed."""
    path = f"{node.program().parent}{os.pathsep}{given.get('PATH', os.defpath)}"
    return {**given, "PATH": path, "CDK_DISABLE_CLI_TELEMETRY": "1"}
