"""Archives that are the same, byte for byte, whenever their files are."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

_EARLIEST = (1980, 1, 1, 0, 0, 0)
_READABLE = stat.S_IFREG | 0o644
"""For everything: Lambda runs our files as another user, and none as a program."""
_UNIX = 3
_LEVEL = 6


@dataclass(frozen=True, slots=True)
class Packed:
    """An archive that was written: its SHA-256, and what is in it."""

    digest: str
    files: int
    unzipped_bytes: int


def pack(folder: Path, archive: Path) -> Packed:
    """Write every file below the folder into the archive."""
    files = sorted(_files(folder), key=lambda path: path.relative_to(folder).as_posix())
    size = 0
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as out:
        for path in files:
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EARLIEST)
            entry.create_system, entry.external_attr = _UNIX, _READABLE << 16
            content = path.read_bytes()
            size += len(content)
            out.writestr(entry, content, zipfile.ZIP_DEFLATED, _LEVEL)
    return Packed(sha256(archive.read_bytes()).hexdigest(), len(files), size)


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path
