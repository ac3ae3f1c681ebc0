"""Processor time of the stack's parts, user plus system. The kernel counts in steps of 10 ms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Literal

import httpx
import psutil

from infra_cdk.local.stack import Stack

_RUNNERS = ("gateway", "pollers")


def functions_cpu(stack: Stack) -> dict[str, float]:
    """Seconds so far by function, its ended processes included."""
    return _by_function(stack, "cpu_s")


def invocations(stack: Stack) -> dict[str, float]:
    """How often so far, by function."""
    return _by_function(stack, "invocations")


def services_cpu(stack: Stack) -> dict[str, float]:
    """Seconds so far by service. The runners' are their own, without the functions they started."""
    described = json.loads((stack.state.run / "state.json").read_text())
    spent: dict[str, float] = {}
    for name, service in described["services"].items():
        if service["pid"] is not None:
            with suppress(psutil.NoSuchProcess):
                spent[name] = _own(service["pid"]) if name in _RUNNERS else _family(service["pid"])
    return spent


def difference(after: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    """What was spent in between, by name, the most first; a restarted service counts from 0."""
    spent = {
        name: seconds - before.get(name, 0.0) if seconds >= before.get(name, 0.0) else seconds
        for name, seconds in after.items()
    }
    return dict(sorted(spent.items(), key=lambda named: -named[1]))


def _by_function(stack: Stack, figure: Literal["cpu_s", "invocations"]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for runner in _RUNNERS:
        url = f"{stack.runner_url(runner)}/_haste/functions"
        answer = httpx.get(url, headers=stack.admin_headers, timeout=30, trust_env=False)
        for function in answer.raise_for_status().json():
            sums[function["name"]] = sums.get(function["name"], 0.0) + function[figure]
    return sums


def _own(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def _family(pid: int) -> float:
    """With living descendants, and those that have ended and been waited for."""
    leader = psutil.Process(pid)
    total = 0.0
    for member in (leader, *leader.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = member.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total
