"""A stack in a process of its own, which a test can kill: `python -m ...host <data folder>`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from typing import cast

import psutil

from infra_cdk.local.stack import Stack, running
from infra_cdk.local.stack_config import config_path, load
from infra_cdk.local.state import State, open_state
from infra_cdk.local.supervisor import Supervisor
from infra_cdk.tests.polling import eventually
from infra_cdk.tests.stack.start import hurry_queues, options


@contextmanager
def hosted(state: State) -> Iterator[Popen[bytes]]:
    """A process that runs a stack on `state`, once all is up; killed in the end."""
    argv = [sys.executable, "-m", "infra_cdk.tests.stack.host", str(state.root)]
    with Popen(argv, stdout=PIPE) as host:
        try:
            assert host.stdout is not None
            assert host.stdout.readline() == b"up\n"
            yield host
        finally:
            host.kill()


def attached(state: State) -> Stack:
    """The stack that another process runs on `state`; its supervisor is out of reach."""
    config = load(config_path(state))
    nobody = cast("Supervisor", None)
    return Stack(state, config, config.settings["GOOGLE_API_URL"], "", nobody)


def members(state: State) -> list[psutil.Process]:
    """Every living process that belongs to a stack on `state`."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            mine = process.environ().get("HASTE_PROCESS", "").startswith(state.digest)
            if mine and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def all_ended(state: State) -> bool:
    """Whether nothing of a stack is left within some seconds."""
    return eventually(lambda: not members(state))


def main() -> None:
    state = State(Path(sys.argv[1]), shared_tools=open_state().tools)
    with running(state, options()) as stack:
        hurry_queues(stack)
        sys.stdout.write("up\n")
        sys.stdout.flush()
        stack.supervisor.wait()


if __name__ == "__main__":
    main()
