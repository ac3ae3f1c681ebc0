"""Waiting in tests: for a condition, with a deadline, and never for a length of time."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil


def ended(pid: int) -> bool:
    """Gone, or a zombie that only waits for its parent to notice."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def eventually(true: Callable[[], bool], within_s: float = 30) -> bool:
    """Whether `true()` comes true within `within_s` seconds."""
    deadline = time.monotonic() + within_s
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
