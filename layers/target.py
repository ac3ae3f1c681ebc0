"""What an asset is built for."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """A version of Python, and a platform as uv names it: `<machine>-<system>`."""

    name: str
    python: str
    platform: str

    @property
    def minor(self) -> str:
        """`3.13`: bytecode and wheels fit a minor version, whichever patch it has."""
        return ".".join(self.python.split(".")[:2])

    @property
    def machine(self) -> str:
        return self.platform.partition("-")[0]

    @property
    def system(self) -> str:
        """As `sys.platform` says it there."""
        system = self.platform.partition("-")[2]
        return "linux" if system.startswith("manylinux") else system


LAMBDA = Target("lambda", "3.13", "aarch64-manylinux_2_28")
"""The runtime `python3.13` on arm64: Amazon Linux 2023, whose glibc is 2.34. Wheels are built for
2.28 or older; nothing we use asks for more.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
"""


def host() -> Target:
    """This interpreter on this machine: for packaging tests and the emulator."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Target("host", version, f"{platform.machine()}-{sys.platform}")
