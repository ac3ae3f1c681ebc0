"""What the processes of the stack complain about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_COMPLAINT = re.compile(
    rb'"level": ?"(?:ERROR|CRITICAL)"| (?:ERROR|CRITICAL|FATAL|PANIC)\b|^ERROR:|^Traceback'
)


@dataclass(frozen=True)
class Logs:
    """All logs of a stack, from where they were."""

    folder: Path
    sizes: dict[Path, int]

    @classmethod
    def from_now(cls, folder: Path) -> Logs:
        return cls(folder, {log: log.stat().st_size for log in folder.glob("*.log")})

    def complaints(self) -> list[str]:
        """New lines that report an error, of every process."""
        return [f"{log}: {line}" for log, line in self.lines() if _COMPLAINT.search(line.encode())]

    def lines(self) -> list[tuple[str, str]]:
        """New lines, each with its process."""
        found: list[tuple[str, str]] = []
        for log in sorted(self.folder.glob("*.log")):
            with log.open("rb") as file:
                file.seek(self.sizes.get(log, 0))
                new = file.read().decode(errors="replace")
            found += [(log.stem, line) for line in new.splitlines()]
        return found

    def has(self, process: str, text: str) -> bool:
        """Whether a process has written a line with this text."""
        return any(log == process and text in line for log, line in self.lines())
