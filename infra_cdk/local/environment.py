"""A declared function as a running thing: `invoke` an event and get its result, as from Lambda.

One process per function, so one event at a time, the others waiting in order of arrival; the
setting `HASTE_LOCAL_CONCURRENCY` allows more.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from infra_cdk.local.function_process import PYTHON
from infra_cdk.local.runtime_api import MAX_REQUEST_BYTES, Invocation
from infra_cdk.local.slot import Result, Slot
from infra_cdk.local.state import State
from shared.wiring import Declared

ACCOUNT = "000000000000"
REQUEST_TOO_LARGE = "RequestTooLargeException"

# What a function inherits from us: how to reach the internet through a proxy, and whom to trust.
_INHERITED = (
    "PATH",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
)


class Environment:
    """All execution environments of one function.

    `env` are the function's own variables (`environment_for`); `root` is the folder that holds
    `functions/`, and becomes the working directory, as `/var/task` is on Lambda; `python` is the
    interpreter and its options.
    """

    def __init__(
        self,
        declared: Declared,
        env: Mapping[str, str],
        root: Path,
        state: State,
        concurrency: int = 1,
        python: Sequence[str] = PYTHON,
    ) -> None:
        self.declared = declared
        self._region = env.get("AWS_REGION", "us-east-1")
        variables = {**lambda_variables(declared, root), **env}
        names = [declared.name, *(f"{declared.name}-{n}" for n in range(2, concurrency + 1))]
        self.slots = [Slot(declared, variables, root, state, name, python) for name in names]
        self._free = self.slots[::-1]
        self._turns = asyncio.Semaphore(concurrency)  # a fair one: first come, first served

    async def invoke(self, event: object, trace_id: str = "") -> Result:
        """Run the handler on one event. Never raises for what the handler does."""
        request_id = str(uuid.uuid4())
        payload = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        if len(payload) > MAX_REQUEST_BYTES:
            message = f"Request must be smaller than {MAX_REQUEST_BYTES} bytes for InvokeFunction"
            error = {"errorType": REQUEST_TOO_LARGE, "errorMessage": message}
            return Result(request_id, error=error)
        arn = function_arn(self.declared.name, self._region)
        invocation = Invocation(request_id, payload, arn, trace_id or new_trace_id())
        async with self._turns:
            slot = self._free.pop()  # the last one used, so that the others may be stopped
            try:
                return await slot.run(invocation)
            finally:
                self._free.append(slot)

    async def restart(self) -> None:
        """Make the next event a cold start; an event being handled is finished first."""
        for slot in self.slots:
            await slot.stop()

    async def stop_idle(self, unused_for_s: float) -> None:
        """End processes that have had no event for so long."""
        longest = time.monotonic() - unused_for_s
        for slot in tuple(self._free):
            if slot.process and slot.counts.last_used < longest:
                await slot.stop()

    async def close(self) -> None:
        """End all processes at once."""
        for slot in self.slots:
            await slot.close()

    def cpu_seconds(self) -> float:
        """User + system seconds of all processes this function has had."""
        return sum(slot.cpu_s for slot in self.slots)

    def describe(self) -> dict[str, Any]:
        """Counts for `GET /_haste/functions`; `rss` in bytes, `pid` of the first live process."""
        pids = [slot.process.pid for slot in self.slots if slot.process]
        counts = [slot.counts for slot in self.slots]
        return {
            "name": self.declared.name,
            "pid": pids[0] if pids else None,
            "cold_starts": sum(count.cold_starts for count in counts),
            "invocations": sum(count.invocations for count in counts),
            "errors": sum(count.errors for count in counts),
            "cpu_s": round(self.cpu_seconds(), 4),
            "rss": sum(_rss(pid) for pid in pids),
        }


def function_arn(name: str, region: str = "us-east-1") -> str:
    return f"arn:aws:lambda:{region}:{ACCOUNT}:function:{name}"


def new_trace_id() -> str:
    """An X-Ray trace header: https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html"""
    return f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Sampled=0"


def lambda_variables(declared: Declared, root: Path) -> dict[str, str]:
    """The variables Lambda itself sets, and the few a process needs to run at all.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return inherited | {
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PYTHONPATH": str(root),
        "LAMBDA_TASK_ROOT": str(root),
        "_HANDLER": declared.entry,
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_NAME": declared.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(declared.function.memory),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{declared.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
    }


def _rss(pid: int) -> int:
    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.NoSuchProcess:
        return 0
