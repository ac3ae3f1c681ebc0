"""Archives do not tell when, where or by whom they were made."""

from __future__ import annotations

import os
import zipfile
from hashlib import sha256
from pathlib import Path

from layers.archive import pack

FILES = {"python/b.py": b"b = 1\n", "python/a/__init__.py": b"", "python/a-1.so": b"\x7fELF" * 99}


def written(folder: Path, names: list[str], mode: int, time: int) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(FILES[name])
        path.chmod(mode)
        os.utime(path, (time, time))
    return folder


def test_the_same_files_make_the_same_archive(tmp_path: Path) -> None:
    one = pack(written(tmp_path / "one", list(FILES), 0o600, 10**9), tmp_path / "one.zip")
    other = pack(written(tmp_path / "other", sorted(FILES), 0o755, 1), tmp_path / "other.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()
    assert one == other
    assert one.digest == sha256((tmp_path / "one.zip").read_bytes()).hexdigest()


def test_an_archive_holds_the_files_in_order(tmp_path: Path) -> None:
    packed = pack(written(tmp_path / "in", list(FILES), 0o600, 10**9), tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == FILES
        assert archive.namelist() == sorted(FILES)
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert (packed.files, packed.unzipped_bytes) == (3, sum(map(len, FILES.values())))


def test_other_content_makes_another_archive(tmp_path: Path) -> None:
    folder = written(tmp_path / "in", list(FILES), 0o600, 10**9)
    before = pack(folder, tmp_path / "before.zip")
    (folder / "python/b.py").write_bytes(b"b = 2\n")
    assert pack(folder, tmp_path / "after.zip").digest != before.digest
