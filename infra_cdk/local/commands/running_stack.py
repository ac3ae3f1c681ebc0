"""A stack that another `haste dev` or `haste demo` keeps running, as other commands reach it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx

from infra_cdk.local import stack_config
from infra_cdk.local.admin import TOKEN_HEADER
from infra_cdk.local.commands.failure import CannotDo
from infra_cdk.local.stack_config import StackConfig, config_path
from infra_cdk.local.state import State, open_state
from infra_cdk.registry import declared

_LONGEST_S = 330.0  # a function may take five minutes


def find(home: Path | None = None) -> StackConfig:
    """The configuration of the stack that runs: at `home`, else the usual one, else the demo's.

    Raises:
        CannotDo: none runs.
    """
    usual = open_state().root
    for root in (home,) if home else (usual, usual / "demo"):
        state = State(root.resolve())
        if root.is_dir() and (state.run / "state.json").exists() and config_path(state).exists():
            return stack_config.load(config_path(state))
    raise CannotDo(
        f"nothing runs on {home or usual}; start it with `haste dev` in another terminal."
    )


def invoke(config: StackConfig, function: str, event: Any) -> dict[str, Any]:
    """What a function makes of an event: the admin's description of the result.

    It is asked of the runner that runs the function anyhow, so that no second process is started.

    Raises:
        CannotDo: there is no such function, or the stack does not answer.
    """
    port = config.gateway_port if _behind_gateway(function) else config.pollers_port
    url = f"http://127.0.0.1:{port}/_haste/invoke/{function}"
    headers = {TOKEN_HEADER: config.token}
    try:
        answer = httpx.post(url, json=event, headers=headers, timeout=_LONGEST_S, trust_env=False)
    except httpx.HTTPError as error:
        raise CannotDo(f"the stack does not answer ({error}); is it still running?") from error
    if not answer.is_success:
        raise CannotDo(json.loads(answer.content).get("detail", answer.text))
    return answer.json()


def _behind_gateway(function: str) -> bool:
    found = next((one.function for one in declared() if one.name == function), None)
    return found is not None and found.queue is None and not found.schedules
