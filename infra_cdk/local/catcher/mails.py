"""The caught mails: two files each, `<id>.eml` as it came and `<id>.json` about it.

The second is written last, in one step: a mail is there when it is there. An id is the time in
nanoseconds, so that mails are in order by their names.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from infra_cdk.local.state import write_atomically
from shared.mail import parse

MOST_MAILS = 1_000
MOST_BYTES = 40_000_000
"""Of one mail."""
MOST_BYTES_TOGETHER = 1_000_000_000
_HEAD_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class Caught:
    """A mail's envelope (RFC 5321, so `recipients` includes Bcc), subject and size in bytes."""

    id: str
    sender: str
    recipients: tuple[str, ...]
    subject: str
    size: int
    at: str


@dataclass
class Mails:
    """The mails in `folder`, oldest first. The oldest give way to new ones."""

    folder: Path
    most: int = MOST_MAILS
    most_bytes: int = MOST_BYTES_TOGETHER
    _caught: dict[str, Caught] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in sorted(self.folder.glob("*.json")):
            known = json.loads(path.read_text())
            known["recipients"] = tuple(known["recipients"])
            self._caught[path.stem] = Caught(**known)
        for path in self.folder.glob("*.eml"):
            if path.stem not in self._caught:  # a crash came between the two files
                path.unlink()
        self._make_room()

    def add(self, sender: str, recipients: Sequence[str], raw: bytes) -> Caught:
        """Keep a mail; it is on disk when this returns."""
        head = raw[:_HEAD_BYTES].partition(b"\r\n\r\n")[0]
        caught = Caught(
            id=self._next_id(),
            sender=sender,
            recipients=tuple(recipients),
            subject=parse(head).subject,
            size=len(raw),
            at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        self._file(caught.id, "eml").write_bytes(raw)
        write_atomically(self._file(caught.id, "json"), json.dumps(asdict(caught)))
        self._caught[caught.id] = caught
        self._make_room()
        return caught

    def newest(self) -> list[Caught]:
        """All of them, newest first."""
        return list(reversed(self._caught.values()))

    def get(self, id: str) -> tuple[Caught, bytes] | None:
        """A mail and its bytes as they came. Only ids that are known become paths."""
        caught = self._caught.get(id)
        return (caught, self._file(id, "eml").read_bytes()) if caught else None

    def clear(self) -> None:
        """Forget all."""
        for id in list(self._caught):
            self._drop(id)

    def _next_id(self) -> str:
        last = next(reversed(self._caught), "0")
        return str(max(time.time_ns(), int(last) + 1))

    def _make_room(self) -> None:
        size = sum(caught.size for caught in self._caught.values())
        while len(self._caught) > self.most or size > self.most_bytes:
            oldest = next(iter(self._caught.values()))
            size -= oldest.size
            self._drop(oldest.id)

    def _drop(self, id: str) -> None:
        self._file(id, "json").unlink(missing_ok=True)
        self._file(id, "eml").unlink(missing_ok=True)
        del self._caught[id]

    def _file(self, id: str, suffix: str) -> Path:
        return self.folder / f"{id}.{suffix}"
