"""What the gateway and the pollers are told about the running stack: `.haste/run/stack.json`.

The stack's starter writes it, readable by its owner alone: it holds passwords.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from infra_cdk.local.state import CHECKOUT, State, write_atomically


@dataclass(frozen=True, slots=True)
class Resources:
    """What `provision` made on the AWS stand-in.

    `queues` are URLs by declared name, `secrets` Secrets Manager ids by declared name.
    """

    queues: Mapping[str, str] = field(default_factory=dict)
    bus: str = ""
    bucket: str = ""
    kms_key: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StackConfig:
    """One running stack.

    `home` is the data folder, `tools` that of installed programs where it lies elsewhere, `root`
    the folder that holds `functions/`; `database_urls` are by role; `settings` are the values
    functions ask for in `env`; `token` is this run's secret for `/_haste/`. `retry_seconds`, if not
    None, replaces the visibility timeout after a failure.
    """

    home: str
    token: str
    tools: str = ""
    root: str = str(CHECKOUT)
    stage: str = "local"
    region: str = "us-east-1"
    log_level: str = "INFO"
    gateway_port: int = 0
    pollers_port: int = 0
    aws_url: str = ""
    aws_key: str = "test"
    database_urls: Mapping[str, str] = field(default_factory=dict)
    cache_url: str = ""
    resources: Resources = field(default_factory=Resources)
    settings: Mapping[str, str] = field(default_factory=dict)
    concurrency: int = 1
    idle_seconds: float = 900.0
    retry_seconds: int | None = None

    @property
    def state(self) -> State:
        return State(Path(self.home), Path(self.tools) if self.tools else None)


def tunables(environ: Mapping[str, str]) -> dict[str, Any]:
    """What a developer may set for a run: fields of `StackConfig` from `HASTE_LOCAL_*`."""
    kinds = {"concurrency": int, "retry_seconds": int, "idle_seconds": float}
    return {
        name: kind(environ[variable])
        for name, kind in kinds.items()
        if (variable := f"HASTE_LOCAL_{name.upper()}") in environ
    }


def config_path(state: State) -> Path:
    return state.run / "stack.json"


def save(config: StackConfig) -> Path:
    """Write the configuration where `load` finds it; returns the path."""
    path = config_path(config.state)
    write_atomically(path, json.dumps(asdict(config), indent=2) + "\n")
    return path


def load(path: Path) -> StackConfig:
    """Read a configuration.

    Raises:
        FileNotFoundError: nothing has been started here.
    """
    read: dict[str, Any] = json.loads(path.read_text())
    return StackConfig(**{**read, "resources": Resources(**read["resources"])})
