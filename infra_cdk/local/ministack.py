"""ministack, the stand-in for SQS, EventBridge, S3, KMS and Secrets Manager.

A young package of 200,000 lines, so it is a tool and not a dependency: pinned by hash in
`ministack-requirements.txt`, installed into an environment of its own under `.haste/tools`, given
none of our environment variables, and checked to listen on 127.0.0.1 only.

What it keeps: S3 objects at once; queues, buses, secrets and keys when it stops cleanly. So it is
stopped and started once after provisioning; a kill then loses messages, never a queue or a key.
"""

from __future__ import annotations

import hashlib
import http.client
import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from infra_cdk.local import node
from infra_cdk.local.processes import Process, ServiceFailed, spawn, stop, wait_until_ready
from infra_cdk.local.state import State, free_port, install_once

REGION = "us-east-1"
_REQUIREMENTS = Path(__file__).with_name("ministack-requirements.txt")
_START = Path(__file__).with_name("ministack_start.py")


@dataclass(frozen=True)
class Ministack:
    """A running emulator; `url` is the endpoint of every AWS service it has."""

    process: Process
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What makes an ordinary boto3 in a child process talk to it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    def stop(self) -> None:
        """Write the state to disk and end; killed if it has not ended in ten seconds."""
        stop(self.process)


def launch(state: State, *, port: int | None = None, workers: Path | None = None) -> Ministack:
    """Start it, installing it first if need be. Raises ServiceFailed with the log's end.

    With `workers` it is a place to deploy to: Lambda functions run in that Python instead of
    ministack's own, those in Node (CDK brings some) in the packaged one, and each may do what its
    role's policies say, no more.
    """
    python = install(state) / "bin" / "python"
    port = free_port(port)
    folder = state.data / "ministack"
    temporary = folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "TMPDIR": str(temporary),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",  # its default is every interface
        "IOT_MTLS_ENABLED": "0",  # would listen on every interface
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{folder}/no-docker",  # else it tidies up a Docker it finds
        "PERSIST_STATE": "1",
        "STATE_DIR": str(folder / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(folder / "s3"),
        "MINISTACK_REGION": REGION,
    }
    start: list[str | Path] = ["-m", "ministack"]
    if workers:
        start = ["-I", _START, workers]
        environment |= _deployable(environment["PATH"])
    process = spawn(state, "ministack", [python, *start], env=environment, cwd=folder)
    wait_until_ready(process, lambda: _answers(port), within_s=60)
    _require_loopback(process)
    return Ministack(process, port)


def _deployable(path: str) -> dict[str, str]:
    """The packaged Node before any other, and IAM's policies heeded."""
    return {"PATH": f"{node.program().parent}{os.pathsep}{path}", "AUTH": "true"}


def install(state: State) -> Path:
    """The environment ministack runs in, made once per pinned list and Python."""
    pinned = _REQUIREMENTS.read_bytes() + f"{sys.base_prefix} {sys.version}".encode()
    target = state.tools / f"ministack-{hashlib.sha256(pinned).hexdigest()[:12]}"
    return install_once(target, _build)


def _build(folder: Path) -> None:
    python = folder / "bin" / "python"
    uv = _uv()
    if uv:
        steps = [
            [*uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, folder],
            [*uv, "pip", "install", "--quiet", "--python", python],
        ]
    else:
        # -I: with PYTHONPATH set, pip would take packages found there for installed.
        steps = [
            [sys.executable, "-I", "-m", "venv", folder],
            [python, "-I", "-m", "pip", "install", "--quiet"],
        ]
    steps[-1] += ["--require-hashes", "-r", _REQUIREMENTS]
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ServiceFailed(
                "ministack could not be installed; is the package index reachable?\n"
                f"{' '.join(map(str, step))}\n{done.stdout}{done.stderr}"
            )


def _uv() -> list[str]:
    """How to call uv, or nothing: `uv run` sets UV; else on the PATH; else as a module."""
    if program := os.environ.get("UV") or shutil.which("uv"):
        return [program]
    return [sys.executable, "-m", "uv"] if importlib.util.find_spec("uv") else []


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/_ministack/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _require_loopback(process: Process) -> None:
    """Raise ServiceFailed unless it listens, and on 127.0.0.1 alone: it has no access control."""
    leader = psutil.Process(process.pid)
    family = [leader, *leader.children(recursive=True)]
    listening = {
        f"{socket.laddr.ip}:{socket.laddr.port}"
        for member in family
        for socket in member.net_connections("inet")
        if socket.status == psutil.CONN_LISTEN
    }
    if not listening or any(not address.startswith("127.0.0.1:") for address in listening):
        stop(process)
        raise ServiceFailed(
            f"ministack should listen on 127.0.0.1 alone, but listens on {sorted(listening)}"
        )
