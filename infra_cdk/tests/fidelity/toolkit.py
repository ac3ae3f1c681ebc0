"""The CDK's own command line against the stand-in of AWS. Every call is a process of ours."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra_cdk.local.commands.cdk import environment, program
from infra_cdk.local.processes import Process, log_tail, spawn, stop
from infra_cdk.local.state import CHECKOUT, State

_ACCOUNT = "000000000000"
_PATIENCE_S = 240
"""Enough to install the command line and to build every asset, where neither is there yet."""


@dataclass(frozen=True)
class Toolkit:
    """The command line; `aws` are the variables that lead it to the stand-in."""

    state: State
    aws: Mapping[str, str]

    def bootstrap(self) -> None:
        """Once per account and region. Outside the checkout, whose `cdk.json` it would heed."""
        environment = f"aws://{_ACCOUNT}/{self.aws['AWS_REGION']}"
        said(self._begin("bootstrap", "bootstrap", environment, folder=self.state.root))

    def synthesise(self, name: str, folder: Path, context: Mapping[str, object]) -> Process:
        """Begin to write the templates into the folder, by our app as `haste cdk` calls it."""
        *_, app = program(self.state)
        given = [f"{key}={_text(value)}" for key, value in context.items()]
        options = [part for one in given for part in ("--context", one)]
        return self._begin(name, "synth", "--quiet", "--app", app, "--output", folder, *options)

    def deploy(self, name: str, assembly: Path, *stacks: str) -> str:
        """Deploy stacks and those they need, four at a time, and nothing asked."""
        options = ("--require-approval", "never", "--progress", "events", "--concurrency", "4")
        return self._run(name, "deploy", *stacks, "--app", assembly, *options)

    def diff(self, name: str, assembly: Path) -> str:
        """What a deploy would change, by CloudFormation's own account."""
        return self._run(name, "diff", "--app", assembly)

    def _run(self, name: str, *arguments: str | Path) -> str:
        return said(self._begin(name, *arguments))

    def _begin(self, name: str, *arguments: str | Path, folder: Path = CHECKOUT) -> Process:
        """`name` is that of its log. The last two words of `program` say which app; we say so."""
        argv = [*program(self.state)[:-2], *arguments, "--no-notices"]
        return spawn(self.state, f"cdk-{name}", argv, env=self._environment(), cwd=folder)

    def _environment(self) -> dict[str, str]:
        """Ours, without what would lead elsewhere: a profile, credentials, a context, a proxy."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "CDK_"))}
        return environment(kept) | {
            **self.aws,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "CDK_DISABLE_VERSION_CHECK": "1",
            "CDK_HOME": str(self.state.root / "cdk"),
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }


def said(process: Process) -> str:
    """All that a call said, once it has ended; fails the test if it failed."""
    try:
        status = str(process.popen.wait(_PATIENCE_S))
    except subprocess.TimeoutExpired:
        status = f"nothing within {_PATIENCE_S} s"
    stop(process, grace_s=1)
    assert status == "0", f"{process.name} ended with {status}:\n{log_tail(process.log, 60)}"
    return process.log.read_text()


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
