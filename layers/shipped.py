"""The files of our own packages that are uploaded: what is imported, and what the code reads."""

from __future__ import annotations

from pathlib import Path, PurePath

PACKAGES = {"shared": ("events", "shared"), "functions": ("functions",)}
"""The packages in each asset that is made of our own code."""

_ENDINGS = (".py", ".sql", ".toml", ".txt", "-ca.pem")
"""Code, migrations, word lists, the hashes of released migrations, certificates of authorities."""
_FOLDERS = {"tests", "__pycache__"}
_FILES = {PurePath("shared/testing.py")}


def shipped(asset: str, checkout: Path) -> dict[str, bytes]:
    """Every file of an asset, by its path in the checkout, in order."""
    return {
        path.relative_to(checkout).as_posix(): path.read_bytes()
        for package in PACKAGES[asset]
        for path in sorted((checkout / package).rglob("*"))
        if is_shipped(path.relative_to(checkout)) and path.is_file()
    }


def is_shipped(path: PurePath) -> bool:
    """Whether a file of our packages is; `path` starts at the checkout."""
    hidden = any(part.startswith(".") for part in path.parts)
    left_out = hidden or path in _FILES or _FOLDERS & set(path.parts)
    return not left_out and path.name.endswith(_ENDINGS)
