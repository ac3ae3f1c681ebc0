"""Takes out of installed packages what no function needs, and what differs from build to build."""

from __future__ import annotations

import shutil
from pathlib import Path, PurePath

SERVICES = ("events", "kms", "s3", "secretsmanager", "sqs")
"""The AWS services that are called. botocore describes some four hundred, in 20 MB."""

_SERVICE_FOLDERS = {PurePath("boto3/data"), PurePath("botocore/data")}
_FOLDERS = {"test", "tests"}
_SUFFIXES = {".c", ".h", ".pxd", ".pyi", ".pyx"}
_BIN = PurePath("bin")
"""Commands; their first line names the interpreter that installed them."""
_RECORDS = {"INSTALLER", "RECORD", "REQUESTED", "direct_url.json", "uv_cache.json"}
"""How and whence a distribution was installed. METADATA and entry_points.txt stay: OpenTelemetry
and yoyo find their parts by them."""


def prune(packages: Path) -> None:
    """Delete it from a folder of packages."""
    for path in sorted(packages.rglob("*")):
        if not path.exists() or not _unneeded(path, path.relative_to(packages)):
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _unneeded(path: Path, inside: PurePath) -> bool:
    name = path.name
    if path.is_dir():
        foreign = inside.parent in _SERVICE_FOLDERS and name not in SERVICES
        return foreign or name in _FOLDERS or name.startswith(".") or inside == _BIN
    if inside.parent.suffix == ".dist-info":
        return name in _RECORDS
    return name.startswith(".") or path.suffix in _SUFFIXES
