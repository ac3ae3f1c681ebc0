"""The machine that figures are from, as every benchmark names it."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any


def describe(load: float) -> dict[str, Any]:
    """The machine the figures are from; `load` is what others had it do before."""
    return {
        "cpu": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "load_before": round(load, 2),
    }


def _processor() -> str:
    """The processor's own name, which `platform.processor()` does not know on Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
